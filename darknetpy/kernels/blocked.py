"""What stands between convolutions, on channel-blocked arrays. A chunk is one block of 16 channels of one image."""

from __future__ import annotations

import numpy as np

from darknetpy.kernels.layout import copy_floats
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LANES, LINE, add, load, maximum, multiply, rectify, splat, store

LOWEST = np.finfo(np.float32).min  # what a window that lies wholly outside gives
RUN = 64  # pixels of a partial sum of `average_pixels`

_ARRAYS = integers("source", "source_plane", "source_image", "out", "out_plane", "out_image", "blocks")

COPY = record_type(**_ARRAYS, **integers("pixels"))
POOLING = record_type(
    **_ARRAYS,
    **integers("height", "width", "out_height", "out_width", "size", "stride_x", "stride_y", "padding"),
)
ADDITION = record_type(**_ARRAYS, **integers("pixels", "other", "other_plane", "other_image"), slope="f4")
REPETITION = record_type(**_ARRAYS, **integers("width", "out_height", "stride"), scale="f4")

_read_copy, _read_pooling, _read_addition = reader(COPY), reader(POOLING), reader(ADDITION)
_read_repetition = reader(REPETITION)


@operation(COPY)
def copy_blocks(record: int, chunk: int, scratch: int) -> None:
    """Copy whole blocks, e.g. to their place in a concatenation."""
    copy = _read_copy(record)
    image, block = chunk // copy.blocks, chunk % copy.blocks
    copy_floats(
        copy.source + image * copy.source_image + block * copy.source_plane,
        copy.out + image * copy.out_image + block * copy.out_plane,
        copy.pixels * LANES,
    )


@operation(COPY)
def average_pixels(record: int, chunk: int, scratch: int) -> None:
    """The mean of all pixels, summed in runs of `RUN` and then run by run: rounding errors stay those of short sums."""
    pooling = _read_copy(record)
    image, block = chunk // pooling.blocks, chunk % pooling.blocks
    source = pooling.source + image * pooling.source_image + block * pooling.source_plane
    total = splat(np.float32(0))
    for first in range(0, pooling.pixels, RUN):
        part = splat(np.float32(0))
        for pixel in range(first, min(first + RUN, pooling.pixels)):
            part = add(part, load(source + pixel * LINE))
        total = add(total, part)
    share = splat(np.float32(1 / pooling.pixels))
    store(pooling.out + image * pooling.out_image + block * pooling.out_plane, multiply(total, share))


@operation(POOLING)
def pool_maximum(record: int, chunk: int, scratch: int) -> None:
    """The largest value in each window; ``padding`` rows and columns lie before the first, cells outside never win."""
    pooling = _read_pooling(record)
    image, block = chunk // pooling.blocks, chunk % pooling.blocks
    source = pooling.source + image * pooling.source_image + block * pooling.source_plane
    out = pooling.out + image * pooling.out_image + block * pooling.out_plane
    for out_row in range(pooling.out_height):
        top = out_row * pooling.stride_y - pooling.padding
        first_row, last_row = max(top, 0), min(top + pooling.size, pooling.height)
        for out_column in range(pooling.out_width):
            left = out_column * pooling.stride_x - pooling.padding
            first_column, last_column = max(left, 0), min(left + pooling.size, pooling.width)
            largest = splat(LOWEST)
            for row in range(first_row, last_row):
                line = source + row * pooling.width * LINE
                for column in range(first_column, last_column):
                    largest = maximum(load(line + column * LINE), largest)
            store(out, largest)
            out += LINE


@operation(ADDITION)
def add_blocks(record: int, chunk: int, scratch: int) -> None:
    """rectify(source + other), lane by lane."""
    addition = _read_addition(record)
    image, block = chunk // addition.blocks, chunk % addition.blocks
    source = addition.source + image * addition.source_image + block * addition.source_plane
    other = addition.other + image * addition.other_image + block * addition.other_plane
    out = addition.out + image * addition.out_image + block * addition.out_plane
    slope = splat(addition.slope)
    for at in range(0, addition.pixels * LINE, LINE):
        store(out + at, rectify(add(load(source + at), load(other + at)), slope))


@operation(REPETITION)
def repeat_pixels(record: int, chunk: int, scratch: int) -> None:
    """Each pixel times ``scale``, as a square of ``stride`` pixels; the output is written in its order."""
    repetition = _read_repetition(record)
    image, block = chunk // repetition.blocks, chunk % repetition.blocks
    source = repetition.source + image * repetition.source_image + block * repetition.source_plane
    out = repetition.out + image * repetition.out_image + block * repetition.out_plane
    scale = splat(repetition.scale)
    for out_row in range(repetition.out_height):
        line = source + out_row // repetition.stride * repetition.width * LINE
        for column in range(repetition.width):
            pixel = multiply(load(line + column * LINE), scale)
            for _ in range(repetition.stride):
                store(out, pixel)
                out += LINE
