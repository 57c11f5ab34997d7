"""Benchmarks: ratios inside one run on one server. `make bench` runs them."""
