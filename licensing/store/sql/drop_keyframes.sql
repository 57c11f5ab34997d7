-- Deletes a stream's keyframes and their pages, of whatever fold.
WITH page AS (
       DELETE FROM snapshot_page WHERE bucket = %(bucket)b AND stream_id = %(stream_id)b
     ),
     dropped AS (
       DELETE FROM snapshot WHERE bucket = %(bucket)b AND stream_id = %(stream_id)b RETURNING version
     )
SELECT count(*) FROM dropped
