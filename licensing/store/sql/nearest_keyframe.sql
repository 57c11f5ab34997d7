-- The latest keyframe of a stream at or before a version, made by this fold, with its event's hash.
SELECT s.version, s.state::text, e.hash
  FROM snapshot s
  JOIN event e ON e.bucket = s.bucket AND e.stream_id = s.stream_id AND e.version = s.version
 WHERE s.bucket = %(bucket)b AND s.stream_id = %(stream_id)b
   AND s.fold_version = %(fold_version)b AND s.version <= %(until)b
 ORDER BY s.version DESC
 LIMIT 1
