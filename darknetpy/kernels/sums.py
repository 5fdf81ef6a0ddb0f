"""Sums of channel-blocked arrays: what a [shortcut] adds, as an operation of its own or at the end of a convolution.

Operations that can add another array to what they have computed have the fields `SUM_FIELDS` and `SUM_SLOPE` in their
records:

- other: address of an array of the output's pixels; other_plane, other_image: its strides in bytes;
- other_blocks: how many blocks of 16 channels it has, 0 for none; to blocks behind them nothing is added;
- slope_of_sum: of the activation of the sum, below 0.

The output is then rectify(activated + other), lane by lane; in blocks that have no other it is the activated value with
both slopes, one after the other. Each line is read just before it is written by the same
chunk, so the output may lie where ``other`` does.
"""

from __future__ import annotations

from darknetpy.kernels import kernel
from darknetpy.kernels.layout import clear_floats, copy_floats
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LANES, LINE, add, load, rectify, splat, store

SUM_FIELDS = ("other", "other_plane", "other_image", "other_blocks")
SUM_SLOPE = {"slope_of_sum": "f4"}

_ARRAYS = ("source", "source_plane", "source_image", "out", "out_plane", "out_image", "blocks")
ADDITION = record_type(**integers(*_ARRAYS, *SUM_FIELDS, "pixels", "images", "parts"), **SUM_SLOPE)
"""pixels: of a block; parts: of all images' lines, a chunk each."""
SAMPLING = record_type(
    **integers(*_ARRAYS, "channels", "width", "out_pixels", "out_width", "rows", "columns", "stride", "spread")
)
"""channels: those that are copied, at most 16 times blocks; rows, columns: of pixels that are copied; stride, spread:
from one of these to the next in the source and in the output.
"""
_read_addition, _read_sampling = reader(ADDITION), reader(SAMPLING)


@kernel
def add_lines(source: int, other: int, out: int, lines: int, slope: float) -> None:
    """rectify(source + other), or rectify(source) where ``other`` is 0."""
    slopes = splat(slope)
    for at in range(0, lines * LINE, LINE):
        line = load(source + at)
        if other:
            line = add(line, load(other + at))
        store(out + at, rectify(line, slopes))


@operation(ADDITION)
def add_blocks(record: int, chunk: int, scratch: int) -> None:
    """rectify(source + other); a chunk is one of equal parts of all lines, whatever blocks they belong to."""
    addition = _read_addition(record)
    lines = addition.images * addition.blocks * addition.pixels
    first, last = lines * chunk // addition.parts, lines * (chunk + 1) // addition.parts
    while first < last:
        plane, pixel = first // addition.pixels, first % addition.pixels
        image, block = plane // addition.blocks, plane % addition.blocks
        count = min(addition.pixels - pixel, last - first)
        source = addition.source + image * addition.source_image + block * addition.source_plane + pixel * LINE
        out = addition.out + image * addition.out_image + block * addition.out_plane + pixel * LINE
        other = addition.other + image * addition.other_image + block * addition.other_plane + pixel * LINE
        add_lines(source, other if block < addition.other_blocks else 0, out, count, addition.slope_of_sum)
        first += count


@operation(SAMPLING)
def sample_pixels(record: int, chunk: int, scratch: int) -> None:
    """Some pixels of an array on the grid of another, and zeros; a chunk is one block of one image."""
    sampling = _read_sampling(record)
    image, block = chunk // sampling.blocks, chunk % sampling.blocks
    source = sampling.source + image * sampling.source_image + block * sampling.source_plane
    out = sampling.out + image * sampling.out_image + block * sampling.out_plane
    lanes = min(LANES, sampling.channels - block * LANES)
    if lanes < LANES or sampling.rows * sampling.columns < sampling.out_pixels:
        clear_floats(out, sampling.out_pixels * LANES)
    for row in range(sampling.rows):
        at = source + row * sampling.stride * sampling.width * LINE
        to = out + row * sampling.spread * sampling.out_width * LINE
        for _ in range(sampling.columns):
            if lanes == LANES:
                store(to, load(at))
            else:
                copy_floats(at, to, lanes)
            at += sampling.stride * LINE
            to += sampling.spread * LINE
