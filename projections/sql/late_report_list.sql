-- The late reports since an instant, newest first, after the place where the last page ended.
SELECT bucket, member_id, version, type, occurred_at, recorded_at, delay_s
  FROM {late_report}
 WHERE recorded_at >= %(since)s
   AND delay_s > %(least)s AND (%(most)s::bigint IS NULL OR delay_s <= %(most)s)
   AND (%(before)s::timestamptz IS NULL
        OR (recorded_at, member_id, version) < (%(before)s, %(member_id)s, %(version)s))
 ORDER BY recorded_at DESC, member_id DESC, version DESC
 LIMIT %(limit)s
