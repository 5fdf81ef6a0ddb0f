"""How a kernel of training reads an array: as it is, through batch normalization and activation, or as a gradient.

Of a convolution only its sums are kept, without batch normalization and activation. Whoever reads its output makes it
from these, line by line; so does whoever reads the gradient by the sums. All are one formula,

    value = rectify(factor * array + shift + other_factor * other_array, slope)

with a line of 16 factors and shifts for each block of channels. `LOADING` says which arrays and lines.
"""

from __future__ import annotations

from typing import Any

from darknetpy.kernels import kernel
from darknetpy.kernels.layout import copy_floats
from darknetpy.kernels.operations import integers, reader, record_type
from darknetpy.kernels.simd import LANES, LINE, fma, load, rectify, splat, store

LOADING = record_type(
    **integers(
        "array", "array_plane", "array_image", "factors", "shifts", "other", "other_plane", "other_image",
        "other_factors",
    ),
    slope="f4",
)  # fmt: skip
"""array, other: addresses of channel-blocked arrays, with their strides in bytes. factors, shifts, other_factors:
addresses of a line for each block. Without factors (0) the array is taken as it is, and the rest does not count;
without other (0) there is no second array.
"""
read_loading = reader(LOADING)


@kernel
def load_lines(loading: Any, image: int, block: int, pixel: int, count: int, out: int) -> None:
    """``count`` pixels of a block from ``pixel`` on, as they are meant, to lines at ``out``."""
    source = loading.array + image * loading.array_image + block * loading.array_plane + pixel * LINE
    if loading.factors == 0:
        copy_floats(source, out, count * LANES)
        return
    factor, shift = load(loading.factors + block * LINE), load(loading.shifts + block * LINE)
    slope = splat(loading.slope)
    if loading.other == 0:
        for at in range(0, count * LINE, LINE):
            store(out + at, rectify(fma(factor, load(source + at), shift), slope))
        return
    second = loading.other + image * loading.other_image + block * loading.other_plane + pixel * LINE
    other_factor = load(loading.other_factors + block * LINE)
    if loading.slope == 1:
        for at in range(0, count * LINE, LINE):
            store(out + at, fma(factor, load(source + at), fma(other_factor, load(second + at), shift)))
    else:
        for at in range(0, count * LINE, LINE):
            total = fma(factor, load(source + at), fma(other_factor, load(second + at), shift))
            store(out + at, rectify(total, slope))
