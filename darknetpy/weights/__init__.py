"""Darknet's ``.weights`` files: a header, then the arrays of all layers as plain little-endian float32.

The file holds no names and no lengths; it has a meaning only together with its cfg. So its exact length is known
before a byte is read, and a file of another length is refused with the reason.
"""
