-- A lost commit takes the effect and the checkpoint with it, so nobody needs to wait for the disk.
-- Who stops in the middle loses the transaction, so that nobody needs to wait for him either.
SELECT set_config('synchronous_commit', 'off', true),
       set_config(%(limit)s, %(stopped_ms)s, true)
