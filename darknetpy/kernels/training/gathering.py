"""Cells of a convolution gathered from channel-blocked arrays, or from planar pictures.

A plane of cells has one line for each cell: of one point of Winograd's form, or of one tap of the filter, for one
block of channels. Of a planar picture it has one float for each cell, for one tap and one channel.
"""

from __future__ import annotations

from typing import Any

from darknetpy.kernels import kernel
from darknetpy.kernels.convolution import copy_row, divide
from darknetpy.kernels.layout import clear_floats
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LANES, LINE
from darknetpy.kernels.training.loading import load_lines, read_loading
from darknetpy.kernels.winograd import call_forward

BAND_BYTES = 40_000
"""Rows of a block that are staged at a time, if they are more than one row of cells needs: they stay in cache."""

GATHERING = record_type(
    **integers(
        "loading", "forward", "images", "planes", "height", "width", "padding",
        "size", "stride_x", "stride_y", "dilation", "form", "tile", "window", "rows", "across",
        "point_step", "plane_step", "out", "parts", "planar",
    )
)  # fmt: skip
"""loading: address of a `LOADING`. images to dilation: of the source; planes: its blocks, or planar channels. form: of
Winograd, 0 for pixels; tile: m; window: n, both 1 for pixels. rows, across: cells of an image. point_step: from a point
or tap to the next; plane_step: from a block or channel to the next. out, parts: of the operation `gather`.
"""
read_gathering = reader(GATHERING)


@operation(GATHERING)
def gather(record: int, chunk: int, scratch: int) -> None:
    """All cells to ``out``; a chunk is one plane of a part of the rows."""
    gathering = read_gathering(record)
    part, plane = chunk % gathering.parts, chunk // gathering.parts
    rows = gathering.images * gathering.rows
    first, last = divide(rows, gathering.parts, part), divide(rows, gathering.parts, part + 1)
    cell_bytes = 4 if gathering.planar else LINE
    out = gathering.out + first * gathering.across * cell_bytes
    gather_rows(gathering, plane, plane + 1, first, last, out, scratch)


@kernel
def gather_rows(gathering: Any, begin: int, end: int, first: int, last: int, out: int, band: int) -> None:
    """Planes ``begin`` to ``end`` of the rows of cells ``first`` to ``last``, the first cell's to ``out``.

    ``band`` is scratch memory.
    """
    for plane in range(begin, end):
        to = out + plane * gathering.plane_step
        row = first
        while row < last:
            image, down = row // gathering.rows, row % gathering.rows
            rows = min(gathering.rows - down, last - row)
            if gathering.planar:
                gather_planar(gathering, image, plane, down, rows, to)
                to += rows * gathering.across * 4
            else:
                rows = gather_band(gathering, image, plane, down, rows, to, band)
                to += rows * gathering.across * LINE
            row += rows


@kernel
def gather_planar(gathering: Any, image: int, channel: int, down: int, rows: int, out: int) -> None:
    """Rows of cells of one channel of a planar picture, for all taps."""
    loading = read_loading(gathering.loading)
    source = loading.array + image * loading.array_image + channel * loading.array_plane
    for tap in range(gathering.size * gathering.size):
        row_of_tap, column = tap // gathering.size * gathering.dilation, tap % gathering.size * gathering.dilation
        for row in range(rows):
            y = (down + row) * gathering.stride_y + row_of_tap - gathering.padding
            width = gathering.width if 0 <= y < gathering.height else 0
            copy_row(
                source + y * gathering.width * 4, out + tap * gathering.point_step + row * gathering.across * 4, width,
                gathering.across, gathering.stride_x, column - gathering.padding, 4,
            )  # fmt: skip


@kernel
def gather_band(gathering: Any, image: int, block: int, down: int, rows: int, out: int, band: int) -> int:
    """Up to ``rows`` rows of cells of one block of an image; how many were done."""
    loading = read_loading(gathering.loading)
    if gathering.form:
        return transform_band(gathering, loading, image, block, down, rows, out, band)
    if gathering.size == 1 and gathering.stride_x == 1 and gathering.stride_y == 1 and gathering.padding == 0:
        load_lines(loading, image, block, down * gathering.across, rows * gathering.across, out)
        return rows
    reach = (gathering.size - 1) * gathering.dilation + 1
    pitch = gathering.width * LINE
    while rows > 1 and ((rows - 1) * gathering.stride_y + reach) * pitch > BAND_BYTES:
        rows -= 1
    top = down * gathering.stride_y - gathering.padding
    begin = max(top, 0)
    end = min(top + (rows - 1) * gathering.stride_y + reach, gathering.height)
    if end > begin:
        load_lines(loading, image, block, begin * gathering.width, (end - begin) * gathering.width, band)
    for tap in range(gathering.size * gathering.size):
        row_of_tap, column = tap // gathering.size * gathering.dilation, tap % gathering.size * gathering.dilation
        for row in range(rows):
            y = top + row * gathering.stride_y + row_of_tap
            width = gathering.width if 0 <= y < gathering.height else 0
            copy_row(
                band + (y - begin) * pitch, out + tap * gathering.point_step + row * gathering.across * LINE, width,
                gathering.across, gathering.stride_x, column - gathering.padding, LINE,
            )  # fmt: skip
    return rows


@kernel
def transform_band(
    gathering: Any, loading: Any, image: int, block: int, down: int, rows: int, out: int, band: int
) -> int:
    """Rows of tiles: their pixels with zeros around them, and from these the points."""
    m, n, across = gathering.tile, gathering.window, gathering.across
    columns = across * m + n - m
    pitch = columns * LINE
    while rows > 1 and (rows * m + n - m) * pitch > BAND_BYTES:
        rows -= 1
    top = down * m - gathering.padding
    begin = gathering.padding
    inside = min(gathering.width, columns - begin)
    for y in range(rows * m + n - m):
        to = band + y * pitch
        if 0 <= top + y < gathering.height:
            clear_floats(to, begin * LANES)
            load_lines(loading, image, block, (top + y) * gathering.width, inside, to + begin * LINE)
            clear_floats(to + (begin + inside) * LINE, (columns - begin - inside) * LANES)
        else:
            clear_floats(to, columns * LANES)
    for row in range(rows):
        for tile in range(across):
            source = band + row * m * pitch + tile * m * LINE
            to = out + (row * across + tile) * LINE
            call_forward(gathering.forward, (gathering.form, source, pitch, to, gathering.point_step))
    return rows
