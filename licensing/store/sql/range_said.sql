-- What the requests for the licenses of some streams said at some paths, where nothing of that may be hidden.
SELECT stream_id, data ->> 'license_id',
       CASE WHEN NOT (%(hidden)b AND data ? '$sealed') THEN
         ARRAY(SELECT coalesce((data #> string_to_array(path, '.'))::text, 'null')
                 FROM unnest(%(paths)b::text[]) WITH ORDINALITY AS asked(path, n) ORDER BY n) END
  FROM event
 WHERE bucket >= %(first)b AND bucket < %(end)b AND stream_id = ANY (%(streams)b)
   AND recorded_at <= %(until)b AND type = 'LicenseIssued'
