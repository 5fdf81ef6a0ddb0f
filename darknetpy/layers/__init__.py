"""One module a section type: options, shapes, arrays, and the plain form of what it computes."""
