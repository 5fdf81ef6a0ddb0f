"""How good a network's answers are."""
