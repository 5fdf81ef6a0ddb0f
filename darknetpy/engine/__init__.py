"""Graph to program to answer, fast: see `darknetpy.engine.program.Program`."""
