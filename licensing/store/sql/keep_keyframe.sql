-- A keyframe with its new pages, together or not at all; what is there already is the same.
WITH page AS (
       INSERT INTO snapshot_page (bucket, stream_id, digest, content)
       SELECT %(bucket)b, %(stream_id)b, new.digest, new.content
         FROM unnest(%(digests)b::bytea[], %(contents)b::bytea[]) AS new(digest, content)
       ON CONFLICT DO NOTHING
     )
INSERT INTO snapshot (bucket, stream_id, version, fold_version, state)
VALUES (%(bucket)b, %(stream_id)b, %(version)b, %(fold_version)b, %(state)b)
    ON CONFLICT DO NOTHING
RETURNING version
