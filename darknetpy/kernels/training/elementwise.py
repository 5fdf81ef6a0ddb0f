"""Passes over whole arrays in training: sums of two, copies that are real, and squares of pixels.

All read through `LOADING` and write through `FINISHING`. A chunk is (part, block): chunk = part * blocks + block, where
a part is a share of the pixels, or of the rows, of all images. So the sums that one part takes of one block belong to
one chunk. `parts_of` gives the number of parts; it depends on shapes only.
"""

from __future__ import annotations

import numpy as np

from darknetpy.kernels import kernel
from darknetpy.kernels.convolution import divide
from darknetpy.kernels.layout import clear_floats
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LANES, LINE, add, load, multiply, rectify, splat, store
from darknetpy.kernels.training.finishing import begin_sums, finish_lines, read_finishing
from darknetpy.kernels.training.loading import load_lines, read_loading

RUN = 256  # lines that are in scratch memory at a time
PART_LINES = 2048  # more values than this are not summed in float32
LEAST_PART_LINES = 256  # less is not worth a chunk of its own
CHUNKS = 16  # wanted where there is enough to do

COMBINATION = record_type(
    **integers("source", "second", "finishing", "images", "blocks", "pixels", "parts"), slope="f4"
)
"""source, second: addresses of a LOADING each (second may be 0); finishing: that of a FINISHING. slope: of the
activation of the sum, below 0.
"""
SQUARES = record_type(
    **integers("source", "finishing", "images", "blocks", "height", "width", "stride", "parts"), scale="f4"
)
"""source: address of a LOADING; finishing: that of a FINISHING. height, width: of the smaller picture; the larger has
``stride`` x ``stride`` pixels for each of its pixels. scale: factor on the values.
"""
_read_combination, _read_squares = reader(COMBINATION), reader(SQUARES)


def parts_of(units: int, lines: int, blocks: int) -> int:
    """Into how many parts ``units`` of ``lines`` pixels each are divided, for an array of so many blocks.

    Few enough that a chunk is worth its while, and so many that sums in float32 stay short and threads have a choice.

    >>> parts_of(100, 1, 4), parts_of(64 * 28 * 28, 1, 8)
    (1, 25)
    """
    total = units * lines
    for_threads = min(-(-CHUNKS // blocks), total // LEAST_PART_LINES)
    return max(1, min(units, max(-(-total // PART_LINES), for_threads)))


def combine_scratch(second: bool) -> int:
    """Bytes of scratch memory that `combine` needs, with or without a second array."""
    return (2 if second else 1) * RUN * LINE


def squares_scratch(width: int, stride: int) -> int:
    """Bytes of scratch memory that `repeat` and `sum_squares` need; width is that of the smaller picture."""
    return (width + width * stride) * LINE


@operation(COMBINATION)
def combine(record: int, chunk: int, scratch: int) -> None:
    """rectify(source + second, slope), finished.

    With one source and a slope of 1 it makes an array real, copies it to its place in a concatenation, or finishes a
    gradient that nothing else finishes; units of `parts_of` are pixels of all images.
    """
    combination = _read_combination(record)
    finishing = read_finishing(combination.finishing)
    part, block = chunk // combination.blocks, chunk % combination.blocks
    begin_sums(finishing, part, block, 1)
    slope = splat(combination.slope)
    total = combination.images * combination.pixels
    first, last = divide(total, combination.parts, part), divide(total, combination.parts, part + 1)
    while first < last:
        image, pixel = first // combination.pixels, first % combination.pixels
        count = min(RUN, combination.pixels - pixel, last - first)
        address, out = combination.source, scratch
        while address:  # one place for both arrays, as kernels are compiled for each
            load_lines(read_loading(address), image, block, pixel, count, out)
            address = combination.second if out == scratch else 0
            out += RUN * LINE
        if combination.second:
            for at in range(scratch, scratch + count * LINE, LINE):
                store(at, rectify(add(load(at), load(at + RUN * LINE)), slope))
        elif combination.slope != 1:
            for at in range(scratch, scratch + count * LINE, LINE):
                store(at, rectify(load(at), slope))
        finish_lines(finishing, part, image, block, pixel, count, scratch)
        first += count


@operation(SQUARES)
def repeat(record: int, chunk: int, scratch: int) -> None:
    """Each pixel times scale, as a square of stride x stride pixels; units of `parts_of` are rows of small pixels."""
    squares = _read_squares(record)
    finishing, loading = read_finishing(squares.finishing), read_loading(squares.source)
    part, block = chunk // squares.blocks, chunk % squares.blocks
    begin_sums(finishing, part, block, 1)
    scale, stride = splat(squares.scale), squares.stride
    rows, row_bytes, large = squares.images * squares.height, squares.width * LINE, squares.width * squares.stride
    for unit in range(divide(rows, squares.parts, part), divide(rows, squares.parts, part + 1)):
        image, row = unit // squares.height, unit % squares.height
        load_lines(loading, image, block, row * squares.width, squares.width, scratch)
        for out_row in range(row * stride, (row + 1) * stride):
            out = scratch + row_bytes
            for at in range(scratch, scratch + row_bytes, LINE):
                pixel = multiply(load(at), scale)
                for _ in range(stride):
                    store(out, pixel)
                    out += LINE
            finish_lines(finishing, part, image, block, out_row * large, large, scratch + row_bytes)


@operation(SQUARES)
def sum_squares(record: int, chunk: int, scratch: int) -> None:
    """The sum of each square of stride x stride pixels, times scale: `repeat` backwards. Units as there."""
    squares = _read_squares(record)
    finishing, loading = read_finishing(squares.finishing), read_loading(squares.source)
    part, block = chunk // squares.blocks, chunk % squares.blocks
    begin_sums(finishing, part, block, 1)
    stride, width = squares.stride, squares.width
    rows, large = squares.images * squares.height, squares.width * squares.stride
    for unit in range(divide(rows, squares.parts, part), divide(rows, squares.parts, part + 1)):
        image, row = unit // squares.height, unit % squares.height
        clear_floats(scratch, width * LANES)
        for given_row in range(row * stride, (row + 1) * stride):
            load_lines(loading, image, block, given_row * large, large, scratch + width * LINE)
            add_groups(scratch + width * LINE, scratch, width, stride)
        scale_lines(scratch, width, squares.scale)
        finish_lines(finishing, part, image, block, row * width, width, scratch)


@kernel
def add_groups(source: int, out: int, groups: int, size: int) -> None:
    """Add the lines of each group of ``size`` lines to one line of the output."""
    for group in range(groups):
        total = load(out + group * LINE)
        for _ in range(size):
            total = add(total, load(source))
            source += LINE
        store(out + group * LINE, total)


@kernel
def scale_lines(lines: int, count: int, scale: float) -> None:
    """Multiply lines by a float32, in place."""
    factor = splat(np.float32(scale))
    for at in range(lines, lines + count * LINE, LINE):
        store(at, multiply(load(at), factor))
