"""[avgpool] in training: the mean of all pixels, and its gradient.

A chunk is (part, block) as in `darknetpy.kernels.training.elementwise`; units of `parts_of` are images forwards and
pixels of all images backwards.
"""

from __future__ import annotations

import numpy as np

from darknetpy.kernels.convolution import divide
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LINE, add, load, multiply, splat, store
from darknetpy.kernels.training.elementwise import RUN as LINES_AT_ONCE
from darknetpy.kernels.training.finishing import begin_sums, finish_lines, read_finishing
from darknetpy.kernels.training.loading import load_lines, read_loading

RUN = 64  # pixels of a partial sum
AVERAGE_SCRATCH = RUN * LINE
"""Bytes of scratch memory that `average` needs."""
AVERAGE_BACK_SCRATCH = LINES_AT_ONCE * LINE
"""Bytes of scratch memory that `average_back` needs."""

AVERAGE = record_type(**integers("source", "out", "out_plane", "out_image", "images", "blocks", "pixels", "parts"))
"""source: address of a LOADING. out: a blocked array of one pixel, with its strides in bytes."""
AVERAGE_BACK = record_type(
    **integers("gradient", "gradient_plane", "gradient_image", "finishing", "images", "blocks", "pixels", "parts")
)
"""gradient: a blocked array of one pixel, by the means. finishing: address of a FINISHING."""
_read_average, _read_average_back = reader(AVERAGE), reader(AVERAGE_BACK)


@operation(AVERAGE)
def average(record: int, chunk: int, scratch: int) -> None:
    """The mean of all pixels, summed in runs of `RUN` and then run by run: rounding errors stay those of short sums."""
    pooling = _read_average(record)
    loading = read_loading(pooling.source)
    part, block = chunk // pooling.blocks, chunk % pooling.blocks
    share = splat(np.float32(1 / pooling.pixels))
    for image in range(divide(pooling.images, pooling.parts, part), divide(pooling.images, pooling.parts, part + 1)):
        total = splat(np.float32(0))
        for first in range(0, pooling.pixels, RUN):
            pixels = min(RUN, pooling.pixels - first)
            load_lines(loading, image, block, first, pixels, scratch)
            run = splat(np.float32(0))
            for at in range(scratch, scratch + pixels * LINE, LINE):
                run = add(run, load(at))
            total = add(total, run)
        store(pooling.out + image * pooling.out_image + block * pooling.out_plane, multiply(total, share))


@operation(AVERAGE_BACK)
def average_back(record: int, chunk: int, scratch: int) -> None:
    """Each pixel gets its share of the gradient by the mean."""
    pooling = _read_average_back(record)
    finishing = read_finishing(pooling.finishing)
    part, block = chunk // pooling.blocks, chunk % pooling.blocks
    begin_sums(finishing, part, block, 1)
    share = splat(np.float32(1 / pooling.pixels))
    total = pooling.images * pooling.pixels
    first, last = divide(total, pooling.parts, part), divide(total, pooling.parts, part + 1)
    while first < last:
        image, pixel = first // pooling.pixels, first % pooling.pixels
        count = min(LINES_AT_ONCE, pooling.pixels - pixel, last - first)
        gradient = pooling.gradient + image * pooling.gradient_image + block * pooling.gradient_plane
        each = multiply(load(gradient), share)
        for at in range(scratch, scratch + count * LINE, LINE):
            store(at, each)
        finish_lines(finishing, part, image, block, pixel, count, scratch)
        first += count
