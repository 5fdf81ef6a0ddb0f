"""Arithmetic that several layer types share; nothing here is a section type."""
