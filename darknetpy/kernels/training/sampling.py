"""Sums of two channel-blocked arrays of different shapes, as a [shortcut] in training forms them, and their gradients.

The first channels of both meet. Of a larger picture every second (third, ...) pixel meets the smaller one's, see
`darknetpy.layers.shortcut`. Both directions are one operation: a grid of pixels, to which those of another are added.
"""

from __future__ import annotations

from typing import Any

from darknetpy.kernels import kernel
from darknetpy.kernels.convolution import divide
from darknetpy.kernels.layout import clear_floats
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LANES, LINE, add, load, load_float, rectify, splat, store, store_float
from darknetpy.kernels.training.finishing import begin_sums, finish_lines, read_finishing
from darknetpy.kernels.training.loading import load_lines, read_loading

SAMPLED = record_type(
    **integers(
        "source", "second", "finishing", "images", "blocks", "height", "width", "second_width", "channels",
        "rows", "columns", "spread_y", "spread_x", "stride_y", "stride_x", "parts",
    ),
    slope="f4",
)  # fmt: skip
"""source: address of a LOADING of the grid's shape, or 0 for zeros; second: that of another shape; finishing: that of
a FINISHING. images, blocks, height, width: of the grid. channels, rows, columns: that meet; spread, stride: from one
that meets to the next, in the grid and in the second array. slope: of the activation of the sum, below 0.
"""
_read = reader(SAMPLED)


def sampled_scratch(width: int, second_width: int) -> int:
    """Bytes of scratch memory: a row of both."""
    return (width + second_width) * LINE


@operation(SAMPLED)
def add_sampled(record: int, chunk: int, scratch: int) -> None:
    """rectify(source + second where they meet, slope), finished.

    A chunk is (part, block) as in `darknetpy.kernels.training.elementwise`; units of `parts_of` are rows of the grid.
    """
    sampled = _read(record)
    finishing = read_finishing(sampled.finishing)
    part, block = chunk // sampled.blocks, chunk % sampled.blocks
    begin_sums(finishing, part, block, 1)
    width, slope = sampled.width, splat(sampled.slope)
    lanes = min(LANES, sampled.channels - block * LANES)
    units = sampled.images * sampled.height
    for unit in range(divide(units, sampled.parts, part), divide(units, sampled.parts, part + 1)):
        image, y = unit // sampled.height, unit % sampled.height
        if sampled.source:
            load_lines(read_loading(sampled.source), image, block, y * width, width, scratch)
        else:
            clear_floats(scratch, width * LANES)
        if lanes > 0 and y % sampled.spread_y == 0 and y // sampled.spread_y < sampled.rows:
            add_row(sampled, image, block, y // sampled.spread_y * sampled.stride_y, lanes, scratch)
        if sampled.slope != 1:
            for at in range(scratch, scratch + width * LINE, LINE):
                store(at, rectify(load(at), slope))
        finish_lines(finishing, part, image, block, y * width, width, scratch)


@kernel
def add_row(sampled: Any, image: int, block: int, row: int, lanes: int, out: int) -> None:
    """One row of the second array, to the lines at ``out``."""
    lines = out + sampled.width * LINE
    load_lines(
        read_loading(sampled.second), image, block, row * sampled.second_width,
        (sampled.columns - 1) * sampled.stride_x + 1, lines,
    )  # fmt: skip
    for column in range(sampled.columns):
        at, to = lines + column * sampled.stride_x * LINE, out + column * sampled.spread_x * LINE
        if lanes == LANES:
            store(to, add(load(to), load(at)))
        else:
            for lane in range(0, 4 * lanes, 4):
                store_float(to + lane, load_float(to + lane) + load_float(at + lane))
