-- Pages of a stream's keyframes by their digests, and those below them on the way to a number: an
-- index page names the page to go on with by the lowest bits of what is left of the number.
-- (LIMIT 1 keeps to the index, page by page, whatever the planner believes of the stream.)
WITH RECURSIVE way AS (
       SELECT page.digest, page.content, wanted.number
         FROM unnest(%(digests)b::bytea[], %(numbers)b::bigint[]) AS wanted(digest, number)
        CROSS JOIN LATERAL (
              SELECT p.digest, p.content
                FROM snapshot_page AS p
               WHERE p.bucket = %(bucket)b AND p.stream_id = %(stream_id)b AND p.digest = wanted.digest
               LIMIT 1) AS page
        UNION ALL
       SELECT page.digest, page.content, way.number >> %(bits)b
         FROM way
        CROSS JOIN LATERAL (
              SELECT p.digest, p.content
                FROM snapshot_page AS p
               WHERE p.bucket = %(bucket)b AND p.stream_id = %(stream_id)b
                 AND p.digest = substring(
                       way.content FROM 2 + 16 * (way.number & ((1 << %(bits)b) - 1))::int FOR 16)
               LIMIT 1) AS page
        WHERE way.number >= 0 AND substring(way.content FROM 1 FOR 1) = '\x00'
     )
SELECT DISTINCT ON (digest) digest, content FROM way
