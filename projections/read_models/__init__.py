"""Read models: each file holds one table's fold, its projector and its queries."""
