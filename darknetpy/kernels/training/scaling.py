"""One factor for each channel of each image, as a [scale_channels] in training needs it: products, and sums of them.

A chunk is (part, block) as in `darknetpy.kernels.training.elementwise`; units of `parts_of` are pixels of all images
for products, and images for sums.
"""

from __future__ import annotations

import numpy as np

from darknetpy.kernels.convolution import divide
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LINE, add, fma, load, multiply, splat, store
from darknetpy.kernels.training.averages import RUN as SUMMED
from darknetpy.kernels.training.elementwise import RUN
from darknetpy.kernels.training.finishing import begin_sums, finish_lines, read_finishing
from darknetpy.kernels.training.loading import load_lines, read_loading

SCALING = record_type(**integers("source", "other", "finishing", "images", "blocks", "pixels", "parts"))
"""source: address of a LOADING of pictures. other: that of one of factors, pictures of one pixel, or for sums of more
pictures. finishing: address of a FINISHING.
"""
SCALING_SCRATCH = (RUN + 1) * LINE
"""Bytes of scratch memory that `scale` needs."""
SUMMED_SCRATCH = (2 * SUMMED + 1) * LINE
"""Bytes of scratch memory that `sum_scaled` needs."""
_read = reader(SCALING)


@operation(SCALING)
def scale(record: int, chunk: int, scratch: int) -> None:
    """Each pixel times the factor of its channel and image, finished."""
    scaling = _read(record)
    finishing = read_finishing(scaling.finishing)
    source, factors = read_loading(scaling.source), read_loading(scaling.other)
    part, block = chunk // scaling.blocks, chunk % scaling.blocks
    begin_sums(finishing, part, block, 1)
    total = scaling.images * scaling.pixels
    first, last = divide(total, scaling.parts, part), divide(total, scaling.parts, part + 1)
    while first < last:
        image, pixel = first // scaling.pixels, first % scaling.pixels
        count = min(RUN, scaling.pixels - pixel, last - first)
        load_lines(factors, image, block, 0, 1, scratch + RUN * LINE)
        load_lines(source, image, block, pixel, count, scratch)
        factor = load(scratch + RUN * LINE)
        for line in range(scratch, scratch + count * LINE, LINE):
            store(line, multiply(load(line), factor))
        finish_lines(finishing, part, image, block, pixel, count, scratch)
        first += count


@operation(SCALING)
def sum_scaled(record: int, chunk: int, scratch: int) -> None:
    """The sum of source * other over the pixels of each channel and image, in short runs as a mean is; finished."""
    scaling = _read(record)
    finishing = read_finishing(scaling.finishing)
    source, other = read_loading(scaling.source), read_loading(scaling.other)
    part, block = chunk // scaling.blocks, chunk % scaling.blocks
    begin_sums(finishing, part, block, 1)
    out = scratch + 2 * SUMMED * LINE
    for image in range(divide(scaling.images, scaling.parts, part), divide(scaling.images, scaling.parts, part + 1)):
        total = splat(np.float32(0))
        for first in range(0, scaling.pixels, SUMMED):
            pixels = min(SUMMED, scaling.pixels - first)
            load_lines(source, image, block, first, pixels, scratch)
            load_lines(other, image, block, first, pixels, scratch + SUMMED * LINE)
            run = splat(np.float32(0))
            for line in range(scratch, scratch + pixels * LINE, LINE):
                run = fma(load(line), load(line + SUMMED * LINE), run)
            total = add(total, run)
        store(out, total)
        finish_lines(finishing, part, image, block, 0, 1, out)
