"""What we know: read models folded from the store's feed, and the jobs that act on them."""
