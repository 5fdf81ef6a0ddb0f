"""Fully connected layers on planar arrays: every output is a sum over all inputs.

Memory binds: each weight is read once for a picture. So the weights are used as they lie in the file, a row for each
output, and four rows are read at a time, for two pictures; for more they are still in cache.
"""

from __future__ import annotations

import numpy as np

from darknetpy.kernels import kernel
from darknetpy.kernels.convolution import divide
from darknetpy.kernels.curves import curve_floats
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LANES, LINE, fma, load, load_float, splat, store, store_float

CONNECTION = record_type(
    **integers(
        "source", "source_plane", "source_image", "out", "out_plane", "out_image",
        "weights", "biases", "images", "inputs", "outputs", "parts", "curve", "number",
    ),
    slope="f4",
)  # fmt: skip
"""weights: (outputs, inputs) float32; biases: one for each output. parts: of the outputs, a chunk each. slope: of the
activation below 0. curve: 0, or the address of `run_curve` for an activation that is more than a slope; number: its.
"""
_read = reader(CONNECTION)
CONNECTION_SCRATCH = LINE
ROWS = 4  # read at a time


@operation(CONNECTION)
def connect(record: int, chunk: int, scratch: int) -> None:
    """Chunk: part of the outputs, of all images."""
    given = _read(record)
    first = divide(given.outputs, given.parts, chunk)
    last = divide(given.outputs, given.parts, chunk + 1)
    row_bytes = 4 * given.inputs
    for row in range(first, last, ROWS):
        rows = min(ROWS, last - row)
        weights = given.weights + row * row_bytes
        for image in range(0, given.images, 2):
            other = min(image + 1, given.images - 1)  # a lone image is its own neighbour
            add_rows(
                given.source + image * given.source_image, given.source + other * given.source_image,
                weights, row_bytes, rows, given.inputs,
                given.out + image * given.out_image + 4 * row, given.out + other * given.out_image + 4 * row, scratch,
            )  # fmt: skip
    for image in range(given.images):
        out = given.out + image * given.out_image
        for row in range(first, last):
            value = load_float(out + 4 * row) + load_float(given.biases + 4 * row)
            store_float(out + 4 * row, value if value > 0 else given.slope * value)
        if given.curve:
            curve_floats(given.curve, given.number, out + 4 * first, last - first, scratch)


@kernel
def add_rows(
    source: int, other: int, weights: int, row_bytes: int, rows: int, count: int, out: int, other_out: int, scratch: int
) -> None:
    """The products of up to four rows with two inputs. Each sum has the same order, whatever stands beside it."""
    second = weights + row_bytes if rows > 1 else weights
    third = second + row_bytes if rows > 2 else weights
    fourth = third + row_bytes if rows > 3 else weights
    a = b = c = d = splat(np.float32(0))
    e = f = g = h = splat(np.float32(0))
    for at in range(0, 4 * (count // LANES * LANES), LINE):
        x, y = load(source + at), load(other + at)
        row = load(weights + at)
        a, e = fma(x, row, a), fma(y, row, e)
        row = load(second + at)
        b, f = fma(x, row, b), fma(y, row, f)
        row = load(third + at)
        c, g = fma(x, row, c), fma(y, row, g)
        row = load(fourth + at)
        d, h = fma(x, row, d), fma(y, row, h)
    for row in range(rows):
        store(scratch, a if row == 0 else b if row == 1 else c if row == 2 else d)
        store_float(out + 4 * row, total(scratch, source, weights + row * row_bytes, count))
        store(scratch, e if row == 0 else f if row == 1 else g if row == 2 else h)
        store_float(other_out + 4 * row, total(scratch, other, weights + row * row_bytes, count))


@kernel
def total(sums: int, source: int, weights: int, count: int) -> np.floating:
    """The sum of 16 sums, and the products of the last inputs, fewer than 16."""
    result = np.float32(0)
    for lane in range(LANES):
        result += load_float(sums + 4 * lane)
    for at in range(4 * (count // LANES * LANES), 4 * count, 4):
        result += load_float(source + at) * load_float(weights + at)
    return result
