"""Values of channel-blocked arrays in another order."""

from __future__ import annotations

from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LANES, load_float, store_float

GATHERING = record_type(
    **integers("source", "source_plane", "source_image", "out", "out_plane", "out_image", "blocks", "pixels", "table")
)
"""blocks and pixels: of the output; table: where in the source each of its lanes comes from, `PLACE` after `PLACE`."""
PLACE = record_type(**integers("offset"))
"""Bytes from the beginning of an image of the source to a value."""
_read, _read_place = reader(GATHERING), reader(PLACE)
PLACE_BYTES = PLACE.itemsize


@operation(GATHERING)
def gather_values(record: int, chunk: int, scratch: int) -> None:
    """out[i] = source[table[i]]; a chunk is one block of one image."""
    given = _read(record)
    image, block = chunk // given.blocks, chunk % given.blocks
    source = given.source + image * given.source_image
    out = given.out + image * given.out_image + block * given.out_plane
    table = given.table + block * given.pixels * LANES * PLACE_BYTES
    for i in range(given.pixels * LANES):
        store_float(out + 4 * i, load_float(source + _read_place(table + i * PLACE_BYTES).offset))
