"""Convolutions of training, forwards and backwards by their input, on channel-blocked arrays.

Both are sums of matrix products over *cells*, in three steps: the source's lines are gathered into planes of cells
(`gathering`), the products are formed by the tiles of `darknetpy.kernels.tiles`, and what comes out is finished row by
row (`finishing`). Cells come in two kinds:

- *tiles* of Winograd's form (`darknetpy.kernels.winograd`): n^2 points a cell, one product for each;
- *pixels* of the output: one product, whose sum goes over all taps of the filter and all channels.

Cells are numbered through all images, row by row. A chunk has all cells of a run of rows, gathered in scratch memory;
where the filters are many times as large as the cache, gathering is an operation of its own, and filters are read once
in all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from darknetpy.kernels import kernel
from darknetpy.kernels.convolution import divide
from darknetpy.kernels.operations import integers, operation, reader, record_type
from darknetpy.kernels.simd import LINE
from darknetpy.kernels.tiles import call_tiles
from darknetpy.kernels.training.finishing import begin_sums, finish_lines, read_finishing
from darknetpy.kernels.training.gathering import gather_rows, read_gathering
from darknetpy.kernels.winograd import call_inverse

CONVOLVING = record_type(
    **integers(
        "gathering", "finishing", "weights", "zeros", "offsets", "tiles", "inverse",
        "cells", "gathered", "band_bytes", "out_blocks", "out_height", "out_width",
        "steps", "turns", "depth", "group", "accumulators", "parts", "shares",
    )
)  # fmt: skip
"""gathering, finishing: addresses of records. weights: packed, [group][point][k][block][16]; zeros: a line for each
block of a group. offsets: bytes from a cell to its values in each step of a sum. cells: 0, or where gathered cells of
all rows lie already; gathered: bytes of those that a chunk gathers; band_bytes: of scratch memory for rows in the
making. out_blocks, out_height, out_width: of the result. steps, turns, depth, group, accumulators: as in
`darknetpy.kernels.tiles`. parts: of all rows; shares: of the groups.
"""
_read = reader(CONVOLVING)
UNCHANGED = np.float32(1)


@operation(CONVOLVING)
def convolve(record: int, chunk: int, scratch: int) -> None:
    """Chunk: (share of the groups of output blocks, part of the rows)."""
    given = _read(record)
    gathering, finishing = read_gathering(given.gathering), read_finishing(given.finishing)
    part, share = chunk % given.parts, chunk // given.parts
    rows = gathering.images * gathering.rows
    first, last = divide(rows, given.parts, part), divide(rows, given.parts, part + 1)
    cells, products = given.cells + first * gathering.across * LINE, scratch + given.band_bytes
    if given.cells == 0:
        cells = products
        products += given.gathered
        gather_rows(gathering, 0, gathering.planes, first, last, cells, scratch)
    groups = (given.out_blocks + given.group - 1) // given.group
    block = divide(groups, given.shares, share) * given.group
    end = min(divide(groups, given.shares, share + 1) * given.group, given.out_blocks)
    begin_sums(finishing, part, block, end - block)
    count = (last - first) * gathering.across
    points = gathering.window * gathering.window
    while block < end:
        blocks = given.group
        while blocks > end - block:
            blocks //= 2
        weights = given.weights + block * given.depth * points * LINE
        step = blocks * count * LINE + LINE
        for point in range(points):
            multiply_cells(
                given, cells + point * gathering.point_step, products + point * step, count, blocks,
                weights + point * blocks * given.depth * LINE,
            )  # fmt: skip
        for each in range(blocks):
            write_rows(
                given, gathering, finishing, part, block + each, first, last, products + each * count * LINE, step,
                scratch,
            )  # fmt: skip
        block += blocks


@kernel
def multiply_cells(given: Any, source: int, out: int, count: int, blocks: int, weights: int) -> None:
    """One matrix product for ``count`` cells, which fetch the weights that follow in memory."""
    widest = given.accumulators // blocks
    runs = (count + widest - 1) // widest
    width, wider = count // runs, count % runs  # the first ``wider`` runs take one cell more
    ahead = weights + blocks * given.depth * LINE
    lines = (4 * blocks + runs - 1) // runs
    pixel = 4 if given.turns == 0 else LINE
    for number, each in ((wider, width + 1), (runs - wider, width)):
        if number:
            call_tiles(given.tiles, (
                each, blocks, number, source, given.offsets, weights, given.steps, given.turns,
                out, count * LINE, given.zeros, ahead, lines, 0, 0, UNCHANGED, UNCHANGED,
            ))  # fmt: skip
        source += number * each * pixel
        out += number * each * LINE
        ahead += number * lines * (given.depth // 4) * LINE


@kernel
def write_rows(
    given: Any, gathering: Any, finishing: Any, part: int, block: int, first: int, last: int, products: int, step: int,
    band: int,
) -> None:  # fmt: skip
    """One block of the rows of cells ``first`` to ``last``, from their products; what lies outside is left."""
    across = gathering.across
    if gathering.form == 0:
        row = first
        while row < last:  # pixels of neighbouring rows of an image are neighbours
            image, down = row // gathering.rows, row % gathering.rows
            rows = min(gathering.rows - down, last - row)
            lines = products + (row - first) * across * LINE
            finish_lines(finishing, part, image, block, down * across, rows * across, lines)
            row += rows
        return
    m = gathering.tile
    pitch = across * m * LINE
    for row in range(first, last):
        image, down = row // gathering.rows, row % gathering.rows
        source = products + (row - first) * across * LINE
        for tile in range(across):
            call_inverse(given.inverse, (
                gathering.form, source + tile * LINE, step, band + tile * m * LINE, pitch, given.zeros, 0,
                UNCHANGED, UNCHANGED,
            ))  # fmt: skip
        for y in range(min(m, given.out_height - down * m)):
            pixel = (down * m + y) * given.out_width
            finish_lines(finishing, part, image, block, pixel, given.out_width, band + y * pitch)
