"""The gradient by the input of convolutions with strides, dilation or large filters: products for each tap, added up.

Each pixel of the gradient by the sums z meets the filters turned around, one product for each tap; what comes out is
added where the tap had read. A chunk is a run of rows of the input, and one share of its channels; the rows of z that
reach into it are all computed there, so chunks write disjoint memory.
"""

from __future__ import annotations

from typing import Any

from darknetpy.kernels import kernel
from darknetpy.kernels.convolution import divide
from darknetpy.kernels.layout import clear_floats
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LANES, LINE, add, load, store
from darknetpy.kernels.training.convolution import multiply_cells
from darknetpy.kernels.training.finishing import begin_sums, finish_lines, read_finishing
from darknetpy.kernels.training.loading import load_lines, read_loading

SCATTERING = record_type(
    **integers(
        "loading", "finishing", "weights", "zeros", "offsets", "tiles",
        "images", "height", "width", "blocks", "out_height", "out_width", "out_blocks",
        "size", "stride_x", "stride_y", "dilation", "padding",
        "steps", "turns", "depth", "group", "accumulators", "parts", "shares", "plane_step", "band_bytes", "gathered",
    )
)  # fmt: skip
"""loading: of the gradient by z, of so many images, height, width and blocks; out_height, out_width, out_blocks: of the
input, whose gradient is written; size to padding: of the convolution. weights: [group][tap][k][block][16], k an output
channel of the convolution. plane_step: from a gathered block to the next; band_bytes: of a block's rows in the making;
gathered: of the gathered blocks. The others are as in `darknetpy.kernels.training.convolution`.
"""
_read = reader(SCATTERING)


@operation(SCATTERING)
def scatter(record: int, chunk: int, scratch: int) -> None:
    """Chunk: (share of the groups of input blocks, part of the input's rows)."""
    given = _read(record)
    loading, finishing = read_loading(given.loading), read_finishing(given.finishing)
    part, share = chunk % given.parts, chunk // given.parts
    rows = given.images * given.out_height
    row, last = divide(rows, given.parts, part), divide(rows, given.parts, part + 1)
    groups = (given.out_blocks + given.group - 1) // given.group
    begin = divide(groups, given.shares, share) * given.group
    end = min(divide(groups, given.shares, share + 1) * given.group, given.out_blocks)
    begin_sums(finishing, part, begin, end - begin)
    while row < last:
        image, top = row // given.out_height, row % given.out_height
        bottom = min(given.out_height, top + last - row)
        scatter_rows(given, loading, finishing, part, image, top, bottom, begin, end, scratch)
        row += bottom - top


@kernel
def scatter_rows(
    given: Any, loading: Any, finishing: Any, part: int, image: int, top: int, bottom: int, begin: int, end: int,
    scratch: int,
) -> None:  # fmt: skip
    """Rows ``top`` to ``bottom`` of one image, blocks ``begin`` to ``end``."""
    reach = (given.size - 1) * given.dilation
    first = max(0, (top + given.padding - reach + given.stride_y - 1) // given.stride_y)
    last = min(given.height, (bottom - 1 + given.padding) // given.stride_y + 1)
    count = max(0, last - first) * given.width
    cells = scratch + given.group * given.band_bytes
    products = cells + given.gathered
    for plane in range(given.blocks):
        if count:
            load_lines(loading, image, plane, first * given.width, count, cells + plane * given.plane_step)
    block = begin
    while block < end:
        blocks = given.group
        while blocks > end - block:
            blocks //= 2
        for each in range(blocks):
            clear_floats(scratch + each * given.band_bytes, (bottom - top) * given.out_width * LANES)
        taps = given.size * given.size
        weights = given.weights + block * given.depth * taps * LINE
        for tap in range(taps if count else 0):
            multiply_cells(given, cells, products, count, blocks, weights + tap * blocks * given.depth * LINE)
            for each in range(blocks):
                add_tap(given, tap, top, bottom, first, last, products + each * count * LINE,
                        scratch + each * given.band_bytes)  # fmt: skip
        for each in range(blocks):
            finish_lines(finishing, part, image, block + each, top * given.out_width,
                         (bottom - top) * given.out_width, scratch + each * given.band_bytes)  # fmt: skip
        block += blocks


@kernel
def add_tap(given: Any, tap: int, top: int, bottom: int, first: int, last: int, products: int, band: int) -> None:
    """The products of one tap, for rows ``first`` to ``last`` of z, to the rows of the band, where the tap had read."""
    down = tap // given.size * given.dilation - given.padding
    right = tap % given.size * given.dilation - given.padding
    begin = max(0, (given.stride_x - 1 - right) // given.stride_x)
    end = min(given.width, (given.out_width - 1 - right) // given.stride_x + 1)
    for row in range(first, last):
        y = row * given.stride_y + down
        if top <= y < bottom:
            source = products + (row - first) * given.width * LINE
            to = band + ((y - top) * given.out_width + right) * LINE
            for x in range(begin, end):
                place = to + x * given.stride_x * LINE
                store(place, add(load(place), load(source + x * LINE)))
