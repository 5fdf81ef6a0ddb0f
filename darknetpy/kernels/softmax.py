"""Softmax of runs of neighbouring values."""

from __future__ import annotations

from typing import Any

import numpy as np

from darknetpy.kernels.curves import Curves
from darknetpy.kernels.layout import copy_floats
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import (
    LANES,
    LINE,
    intrinsic,
    load,
    load_float,
    maximum,
    multiply,
    splat,
    store,
    subtract,
    vector,
)

SOFTMAX = record_type(
    **integers("source", "source_plane", "source_image", "out", "out_plane", "out_image", "groups", "length")
)
"""groups: of an image, one after the other; length: values of a group."""
_read = reader(SOFTMAX)


@intrinsic
def exponential(typing: Any, x: Any) -> Any:
    """e^x of each lane."""
    return vector(vector), lambda context, builder, signature, values: Curves(builder).exponential(values[0])


def scratch_bytes(length: int) -> int:
    """Scratch memory for a group: its values and one line more."""
    return (-(-length // LANES) + 1) * LINE


@operation(SOFTMAX)
def softmax_values(record: int, chunk: int, scratch: int) -> None:
    """e^(x - largest), divided by its sum. A chunk is one group of one image.

    The values are copied to scratch memory, where whole lines of 16 follow the last of them.
    """
    given = _read(record)
    image, group = chunk // given.groups, chunk % given.groups
    sums, values = scratch, scratch + LINE
    behind = values + (given.length + LANES - 1) // LANES * LINE
    store(behind - LINE, splat(np.float32(-np.inf)))
    copy_floats(given.source + image * given.source_image + 4 * group * given.length, values, given.length)
    tops = load(values)
    for at in range(values, behind, LINE):
        tops = maximum(load(at), tops)
    store(sums, tops)
    top = load_float(sums)
    for lane in range(sums, sums + LINE, 4):
        value = load_float(lane)
        if value > top or value != value:
            top = value
    for at in range(values, behind, LINE):
        store(at, exponential(subtract(load(at), splat(top))))
    total = np.float32(0)
    for at in range(values, values + 4 * given.length, 4):
        total += load_float(at)
    share = splat(np.float32(1) / total)
    for at in range(values, behind, LINE):
        store(at, multiply(load(at), share))
    copy_floats(values, given.out + image * given.out_image + 4 * group * given.length, given.length)
