-- Members by their id or its beginning, a device's id, or a license's id, each with the reason why.
WITH hit (bucket, member_id, rank, why) AS (
    (SELECT bucket, member_id, CASE WHEN member_id = %(q)s THEN 1 ELSE 4 END,
            CASE WHEN member_id = %(q)s THEN 'member id' ELSE 'member id begins so' END
      FROM {member_directory}
      WHERE member_id >= %(q)s AND member_id < %(q_end)s AND member_id > %(after)s
        AND coalesce(%(by)s, 'member') = 'member'
      ORDER BY member_id LIMIT %(limit)s)
    UNION ALL
    SELECT bucket, member_id, 2, 'license id' FROM {license_index}
     WHERE license_id = %(q)s AND coalesce(%(by)s, 'license') = 'license'
    UNION ALL
    SELECT bucket, member_id, 3, 'device id' FROM {license_index}_device
     WHERE device_id = %(q)s AND coalesce(%(by)s, 'device') = 'device'
    UNION ALL
    SELECT bucket, member_id, 3, 'device id' FROM {license_index}
     WHERE device_id = %(q)s AND coalesce(%(by)s, 'device') = 'device'
), best AS (
    SELECT DISTINCT ON (member_id) bucket, member_id, why
      FROM hit WHERE member_id > %(after)s
     ORDER BY member_id, rank
     LIMIT %(limit)s
)
SELECT d.member_id, d.plan, d.country, d.events, d.refusals, d.first_event_at, d.last_event_at,
       d.last_type, d.last_version, best.why
  FROM best JOIN {member_directory} d USING (bucket, member_id)
 ORDER BY d.member_id
