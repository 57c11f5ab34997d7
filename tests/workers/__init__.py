"""Real workers and beats on real brokers, and what is done to them."""
