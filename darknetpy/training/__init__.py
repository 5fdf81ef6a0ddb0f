"""Training: passes forwards and backwards, updates, rates, and the loop around them."""
