"""What may happen to a download license, and what did."""
