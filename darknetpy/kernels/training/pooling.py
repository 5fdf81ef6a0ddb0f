"""Max pooling in training: forwards from what a `LOADING` reads, backwards to what a `FINISHING` writes.

Nothing is kept between the two: backwards the largest values are found again. Work goes by *bands*: ``rows`` rows of
one block of one image, of the output forwards and of the input backwards, with the rows of the input that their
windows see in scratch memory. A chunk is (part, block) as in `darknetpy.kernels.training.elementwise`, where units of
`parts_of` are the bands of all images. A window with NaN gives NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from darknetpy.kernels import kernel
from darknetpy.kernels.blocked import LOWEST, SEPARABLE, search_windows
from darknetpy.kernels.convolution import divide
from darknetpy.kernels.layout import clear_floats
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LANES, LINE, add, intrinsic, load, maximum, splat, store, vector
from darknetpy.kernels.training.elementwise import parts_of
from darknetpy.kernels.training.finishing import begin_sums, finish_lines, read_finishing
from darknetpy.kernels.training.loading import load_lines, read_loading

BAND_BYTES = 1 << 15  # of the input, where windows are not larger

_WINDOWS = integers(
    "source", "images", "blocks", "height", "width", "out_height", "out_width", "size", "stride_y", "stride_x",
    "padding", "rows", "parts",
)  # fmt: skip
MAXIMUM = record_type(**_WINDOWS, **integers("out", "out_plane", "out_image"))
"""source: address of a LOADING. height, width, out_height, out_width: of input and output. padding: rows and columns
before the first. rows: of a band. out: a blocked array, with its strides in bytes.
"""
MAXIMUM_BACK = record_type(**_WINDOWS, **integers("gradient", "gradient_plane", "gradient_image", "finishing"))
"""gradient: a blocked array, by the output. finishing: address of a FINISHING of the input's pixels. Else as there."""
_read_maximum, _read_maximum_back = reader(MAXIMUM), reader(MAXIMUM_BACK)


@dataclass(frozen=True)
class Division:
    """How a pooling is divided. rows: of a band; parts: of the bands; scratch_bytes: what a thread needs."""

    rows: int
    parts: int
    scratch_bytes: int


def divide_forwards(
    images: int, blocks: int, width: int, out_height: int, out_width: int, size: int, stride_y: int
) -> Division:
    """Of `pool_forward`; width: of the input."""
    rows = max(1, min(out_height, BAND_BYTES // (width * LINE * stride_y)))
    seen = (rows - 1) * stride_y + size
    parts = parts_of(images * -(-out_height // rows), rows * stride_y * width, blocks)
    searched = seen * out_width if size >= SEPARABLE else 0
    return Division(rows, parts, (seen * width + searched) * LINE)


def divide_backwards(images: int, blocks: int, height: int, width: int, size: int, stride_y: int) -> Division:
    """Of `pool_back`; height, width: of the input.

    A band is whole windows where these lie side by side. Where they overlap it is four windows high at least, as those
    at its rims are searched for both bands.
    """
    least = 4 * size if size > stride_y else 1
    fitting = max(BAND_BYTES // (width * LINE), least)
    rows = min(height, max(1, fitting // stride_y) * stride_y)
    parts = parts_of(images * -(-height // rows), rows * width, blocks)
    return Division(rows, parts, (2 * rows + 2 * (size - 1)) * width * LINE)


@operation(MAXIMUM)
def pool_forward(record: int, chunk: int, scratch: int) -> None:
    """The largest value of each window; cells outside never win, a window wholly outside gives the lowest float32.

    Of large windows first the largest values of their rows are found, in scratch memory, and then those of columns.
    """
    pooling = _read_maximum(record)
    loading = read_loading(pooling.source)
    part, block = chunk // pooling.blocks, chunk % pooling.blocks
    size, stride_y, padding, width = pooling.size, pooling.stride_y, pooling.padding, pooling.width
    pitch, separable = pooling.out_width * LINE, size >= SEPARABLE
    bands = (pooling.out_height + pooling.rows - 1) // pooling.rows
    units = pooling.images * bands
    for unit in range(divide(units, pooling.parts, part), divide(units, pooling.parts, part + 1)):
        image, top = unit // bands, unit % bands * pooling.rows
        end = min(top + pooling.rows, pooling.out_height)
        above = max(top * stride_y - padding, 0)
        seen = max(0, min((end - 1) * stride_y - padding + size, pooling.height) - above)
        load_lines(loading, image, block, above * width, seen * width, scratch)
        out = pooling.out + image * pooling.out_image + block * pooling.out_plane
        source, searched = scratch - above * width * LINE, scratch + seen * width * LINE - above * pitch
        for last in range(0 if separable else 1, 2):  # one place for all passes, as kernels are compiled for each
            across = (1, 1, 0) if separable and last else (size, pooling.stride_x, padding)
            down = (size, stride_y, padding) if last else (1, 1, 0)
            given = (searched, pooling.out_width) if separable and last else (source, width)
            rows = (out, top, end) if last else (searched, above, above + seen)
            search_windows(given, pooling.height, across, down, rows, pooling.out_width)


@operation(MAXIMUM_BACK)
def pool_back(record: int, chunk: int, scratch: int) -> None:
    """The gradient of each window goes to the first of its largest values, in the order row, column, and is finished.

    In a window with NaN it goes to the first cell, so that a NaN among gradients stays visible.
    """
    pooling = _read_maximum_back(record)
    loading, finishing = read_loading(pooling.source), read_finishing(pooling.finishing)
    part, block = chunk // pooling.blocks, chunk % pooling.blocks
    begin_sums(finishing, part, block, 1)
    size, stride, padding, width = pooling.size, pooling.stride_y, pooling.padding, pooling.width
    bands = (pooling.height + pooling.rows - 1) // pooling.rows
    units = pooling.images * bands
    for unit in range(divide(units, pooling.parts, part), divide(units, pooling.parts, part + 1)):
        image, top = unit // bands, unit % bands * pooling.rows
        end = min(top + pooling.rows, pooling.height)
        first = max((top + padding - size + stride) // stride, 0)  # of the windows that see the band
        last = min((end - 1 + padding) // stride + 1, pooling.out_height)
        above = max(first * stride - padding, 0)
        seen = max(0, min((last - 1) * stride - padding + size, pooling.height) - above)
        lines = scratch + seen * width * LINE
        load_lines(loading, image, block, above * width, seen * width, scratch)
        if not side_by_side(pooling):
            clear_floats(lines, (end - top) * width * LANES)
        gradient = pooling.gradient + image * pooling.gradient_image + block * pooling.gradient_plane
        band = (scratch - above * width * LINE, lines - top * width * LINE, top, end)
        for out_row in range(first, last):
            give_back(pooling, gradient + out_row * pooling.out_width * LINE, out_row, band)
        finish_lines(finishing, part, image, block, top * width, (end - top) * width, lines)


@kernel
def side_by_side(pooling: Any) -> bool:
    """Whether each cell of the input belongs to exactly one window."""
    size, reach = pooling.size, pooling.size * pooling.out_height - pooling.padding
    across = pooling.size * pooling.out_width - pooling.padding
    return size == pooling.stride_y and size == pooling.stride_x and reach >= pooling.height and across >= pooling.width


@kernel
def give_back(pooling: Any, gradient: int, out_row: int, band: Any) -> None:
    """The gradients of one row of windows, to the lines of a band.

    band: addresses of row 0 of the values and of the lines, the first row that has lines, and the one behind the last.
    """
    values, lines, top, end = band
    size, width, once = pooling.size, pooling.width, side_by_side(pooling)
    start = out_row * pooling.stride_y - pooling.padding
    first_row, last_row = max(start, 0), min(start + size, pooling.height)
    pairs = size == 2 and once and last_row - first_row == 2 and first_row >= top and last_row <= end
    for out_column in range(pooling.out_width):
        start = out_column * pooling.stride_x - pooling.padding
        first_column, last_column = max(start, 0), min(start + size, width)
        left, none = load(gradient + out_column * LINE), splat(0.0)
        if pairs and last_column - first_column == 2:
            give_to_square(values, lines, (first_row * width + first_column) * LINE, width * LINE, left)
            continue
        largest = splat(LOWEST)
        for row in range(first_row, last_row):
            for column in range(first_column, last_column):
                largest = maximum(load(values + (row * width + column) * LINE), largest)
        for row in range(first_row, last_row):
            for column in range(first_column, last_column):
                at = (row * width + column) * LINE
                value = load(values + at)
                if top <= row < end:
                    given = choose(value, largest, left, none)
                    store(lines + at, given if once else add(load(lines + at), given))
                left = choose(value, largest, none, left)


@kernel
def give_to_square(values: int, lines: int, at: int, pitch: int, left: Any) -> None:
    """The gradient of a window of 2 x 2 cells that are in no other window; the first is at this offset."""
    none = splat(0.0)
    values, lines = values + at, lines + at
    x, y, z, last = load(values), load(values + LINE), load(values + pitch), load(values + pitch + LINE)
    largest = maximum(maximum(x, y), maximum(z, maximum(last, splat(LOWEST))))
    store(lines, choose(x, largest, left, none))
    left = choose(x, largest, none, left)
    store(lines + LINE, choose(y, largest, left, none))
    left = choose(y, largest, none, left)
    store(lines + pitch, choose(z, largest, left, none))
    left = choose(z, largest, none, left)
    store(lines + pitch + LINE, choose(last, largest, left, none))


@intrinsic
def choose(typing: Any, value: Any, largest: Any, same: Any, other: Any) -> Any:
    """``same`` where value == largest, or where one of them is NaN; ``other`` elsewhere."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: list[ir.Value]) -> ir.Value:
        return builder.select(builder.fcmp_unordered("==", values[0], values[1]), values[2], values[3])

    return vector(vector, vector, vector, vector), generate
