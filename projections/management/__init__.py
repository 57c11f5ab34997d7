"""Commands of the projections."""
