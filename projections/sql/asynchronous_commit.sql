-- A lost commit takes the effect and the checkpoint with it, so nobody needs to wait for the disk.
SET LOCAL synchronous_commit TO off
