"""How a kernel of training writes: what it has computed is finished line by line while it is in the cache.

Forwards the sums of a convolution are written as they are, and the statistics for batch normalization are taken from
them. Backwards a gradient by an output becomes one by what stands before the activation:

    gradient = computed + other;   gradient *= slope where factor * mask + shift <= 0

and the sums that the gradients of batch normalization need are taken from it. Sums are float32 within one *part* of
the work, whose number depends on shapes only; `darknetpy.kernels.training.normalization` adds the parts up in order.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir

from darknetpy.kernels import kernel
from darknetpy.kernels.layout import clear_floats
from darknetpy.kernels.operations import integers, reader, record_type
from darknetpy.kernels.simd import (
    LANES,
    LINE,
    VECTOR,
    add,
    fma,
    intrinsic,
    load,
    splat,
    store,
    subtract,
    vector,
)

FINISHING = record_type(
    **integers(
        "out", "out_plane", "out_image", "blocks",
        "other", "other_plane", "other_image",
        "mask", "mask_plane", "mask_image", "mask_factors", "mask_shifts",
        "sums", "centres", "seen", "seen_plane", "seen_image",
    ),
    slope="f4",
)  # fmt: skip
"""out: where lines go; blocks: of it. other: an array that is added, or 0. mask: the array whose sign counts, or 0,
with a line of factors and shifts for each block (0: the array itself). slope: of the activation below 0.

sums: 0, or where two lines for each part and block go. Of a gradient (``seen`` is an array): the sum of all, and of
gradient * (seen - centre). Else of what is written: the sums of value - centre, and of its square.
"""
read_finishing = reader(FINISHING)
SUMS_BYTES = 2 * LINE


@intrinsic
def mask_by(typing: Any, sign: Any, value: Any, slope: Any) -> Any:
    """value where sign > 0, else slope * value."""

    def generate(context: Any, builder: Any, signature: Any, values: list[Any]) -> Any:
        positive = builder.fcmp_ordered(">", values[0], ir.Constant(VECTOR, [0.0] * LANES))
        return builder.select(positive, values[1], builder.fmul(values[1], values[2]))

    return vector(vector, vector, vector), generate


@kernel
def begin_sums(finishing: Any, part: int, block: int, blocks: int) -> None:
    """Before the first line of a part: its sums of some blocks are 0."""
    if finishing.sums:
        clear_floats(finishing.sums + (part * finishing.blocks + block) * SUMS_BYTES, 2 * blocks * LANES)


@kernel
def finish_lines(finishing: Any, part: int, image: int, block: int, pixel: int, count: int, lines: int) -> None:
    """``count`` lines, computed for the pixels of a block from ``pixel`` on; the lines may be changed."""
    out = finishing.out + image * finishing.out_image + block * finishing.out_plane + pixel * LINE
    if finishing.other:
        other = finishing.other + image * finishing.other_image + block * finishing.other_plane + pixel * LINE
        for at in range(0, count * LINE, LINE):
            store(lines + at, add(load(lines + at), load(other + at)))
    if finishing.mask:
        mask = finishing.mask + image * finishing.mask_image + block * finishing.mask_plane + pixel * LINE
        slope = splat(finishing.slope)
        factor, shift = splat(np.float32(1)), splat(np.float32(0))
        if finishing.mask_factors:
            factor = load(finishing.mask_factors + block * LINE)
            shift = load(finishing.mask_shifts + block * LINE)
        for at in range(0, count * LINE, LINE):
            store(lines + at, mask_by(fma(factor, load(mask + at), shift), load(lines + at), slope))
    if finishing.sums == 0:
        for at in range(0, count * LINE, LINE):
            store(out + at, load(lines + at))
        return
    sums = finishing.sums + (part * finishing.blocks + block) * SUMS_BYTES
    centre = load(finishing.centres + block * LINE)
    first, second = load(sums), load(sums + LINE)
    if finishing.seen:
        seen = finishing.seen + image * finishing.seen_image + block * finishing.seen_plane + pixel * LINE
        for at in range(0, count * LINE, LINE):
            value = load(lines + at)
            store(out + at, value)
            first = add(first, value)
            second = fma(value, subtract(load(seen + at), centre), second)
    else:
        for at in range(0, count * LINE, LINE):
            value = load(lines + at)
            store(out + at, value)
            centred = subtract(value, centre)
            first = add(first, centred)
            second = fma(centred, centred, second)
    store(sums, first)
    store(sums + LINE, second)
