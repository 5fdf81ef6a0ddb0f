"""Training passes on the engine's threads and vectors: the fast form of `darknetpy.training.passes`."""
