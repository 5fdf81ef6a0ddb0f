"""Other runtimes for `tools/bench.py`, and the same networks in the forms that they read."""
