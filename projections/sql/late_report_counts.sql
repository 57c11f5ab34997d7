-- Late reports since an instant by how late they were.
SELECT CASE WHEN delay_s <= %(hour)s THEN 'hour' WHEN delay_s <= %(day)s THEN 'day'
            WHEN delay_s <= %(week)s THEN 'week' ELSE 'longer' END AS band,
       count(*), count(DISTINCT (bucket, member_id))
  FROM {late_report} WHERE recorded_at >= %(since)s
 GROUP BY band
