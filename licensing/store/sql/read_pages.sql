-- Pages of a stream's keyframes by their digests.
SELECT digest, content
  FROM snapshot_page
 WHERE bucket = %(bucket)b AND stream_id = %(stream_id)b AND digest = ANY (%(digests)b)
