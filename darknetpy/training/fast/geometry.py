"""How the work of a convolution in training is cut: Winograd's form or not, cells, chunks; by its shapes alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from darknetpy.engine.memory import Shape
from darknetpy.kernels.cook_toom import FORMS
from darknetpy.kernels.layout import block_stride, blocks_of
from darknetpy.kernels.simd import LANES, LINE
from darknetpy.kernels.tiles import UNROLL, most_blocks, tile_accumulators
from darknetpy.kernels.training.outer import most_outer_rows

GATHERED_BYTES = 600_000  # of cells that a chunk gathers, so that they stay in the second-level cache
LEAST_CELLS, MOST_CELLS = 18, 400  # of a chunk: fewer read too many weights for each
CHUNKS = 16  # wanted where there is work for them
CACHED_WEIGHTS = 1_200_000  # bytes that each chunk may as well read
WORTH_SPLITTING = 2  # as many times the bytes of the split form, beyond that, are too many
PART_CELLS = 96  # of a chunk of products in the split form
SLICES = 8  # of gradients by filters
SLICE_BYTES = 1_300_000  # of such a slice's sums, which stay in the cache
RATE, POINT_SECONDS = 165e9, 2e-9  # operations a second, and what each number of a packed filter costs
GROUP_BYTES = 256_000  # of filters of a group at one point


@dataclass(frozen=True)
class Cells:
    """The cells of a product over a source (c, h, w) for an output (filters, out_h, out_w).

    form: of Winograd; 0 for pixels. padding: before the first row and column of the source.
    """

    images: int
    source: Shape
    output: Shape
    size: int
    strides: tuple[int, int]
    dilation: int
    padding: int
    form: int
    planar: bool = False

    @property
    def tile(self) -> int:
        """Pixels of a cell's side."""
        return FORMS[self.form].tile if self.form else 1

    @property
    def window(self) -> int:
        """Points of a cell's side."""
        return FORMS[self.form].window if self.form else 1

    @property
    def points(self) -> int:
        """Of Winograd's form; 1 for pixels."""
        return self.window**2

    @property
    def taps(self) -> int:
        """Planes of cells for each block: points, or taps of the filter."""
        return self.points if self.form else self.size**2

    @property
    def rows(self) -> int:
        """Rows of cells in an image."""
        return -(-self.output[1] // self.tile)

    @property
    def across(self) -> int:
        """Cells in a row."""
        return -(-self.output[2] // self.tile)

    @property
    def all_rows(self) -> int:
        """Rows of all images."""
        return self.images * self.rows

    @property
    def planes(self) -> int:
        """Blocks of the source, or channels where it is planar."""
        return self.source[0] if self.planar else blocks_of(self.source[0])

    @property
    def out_blocks(self) -> int:
        """Blocks of the output."""
        return blocks_of(self.output[0])

    @property
    def inner_depth(self) -> int:
        """Numbers of k at one tap: channels, made up to whole turns of the tiles' loop."""
        if self.planar:
            return self.source[0]
        return LANES * self.planes if self.planes > 1 else -(-self.source[0] // UNROLL) * UNROLL

    @property
    def turns(self) -> int:
        """Of the tiles' loop in a step; 0 where the source is planar."""
        if self.planar:
            return 0
        return LANES // UNROLL if self.planes > 1 else self.inner_depth // UNROLL

    @property
    def depth(self) -> int:
        """Numbers of k of one product."""
        return self.inner_depth * (1 if self.form else self.taps)

    @property
    def steps(self) -> int:
        """Steps of one product's sum."""
        return self.planes * (1 if self.form else self.taps)

    @cached_property
    def group(self) -> int:
        """Output blocks of a tile."""
        most = min(most_blocks(self.planar), max(1, GROUP_BYTES // (self.depth * LINE)), self.out_blocks)
        return 1 << (most.bit_length() - 1)

    @property
    def accumulators(self) -> int:
        """Cells times blocks of the largest tile."""
        return tile_accumulators(self.planar)

    @property
    def groups(self) -> int:
        """Groups of output blocks, those at the end counted as one."""
        return -(-self.out_blocks // self.group)

    @property
    def weight_bytes(self) -> int:
        """Of packed filters."""
        return self.points * self.depth * self.out_blocks * LINE

    @property
    def cell_bytes(self) -> int:
        """From a cell to the next in a plane."""
        return 4 if self.planar else LINE

    def plane_step(self, cells: int) -> int:
        """From a plane to the next, where so many cells stand together."""
        return -(-cells * 4 // LINE) * LINE if self.planar else block_stride(cells)

    def point_step(self, cells: int) -> int:
        """From a point, or tap, to the next; an odd line more, or all would share one set of the cache."""
        return self.planes * self.plane_step(cells) + LINE

    def gathered_bytes(self, cells: int) -> int:
        """Of all planes."""
        return self.taps * self.point_step(cells)

    @property
    def band_bytes(self) -> int:
        """Scratch memory for rows in the making: of the source, of the output."""
        if self.planar:
            return self.across * LINE
        columns = self.across * self.tile + self.window - self.tile
        reach = (self.size - 1) * self.dilation + 1
        source = self.window * columns if self.form else reach * self.source[2]
        return max(40_000, source * LINE, self.tile * self.across * self.tile * LINE)

    def rows_of_chunk(self) -> int:
        """Rows whose gathered cells stay in the cache, and suffice for the tiles."""
        each = GATHERED_BYTES // (self.taps * self.planes * self.cell_bytes)
        return max(1, max(LEAST_CELLS, min(each, MOST_CELLS)) // self.across)

    @cached_property
    def parts(self) -> int:
        """Chunks where each gathers its own cells."""
        few = max(1, self.all_rows * self.across // LEAST_CELLS)
        return min(self.all_rows, max(-(-self.all_rows // self.rows_of_chunk()), min(CHUNKS, few)))

    @cached_property
    def splits(self) -> bool:
        """Whether gathering is an operation of its own, and filters are read once in all."""
        if self.planar or self.weight_bytes <= CACHED_WEIGHTS:
            return False
        cells = self.all_rows * self.across
        together = self.parts * self.weight_bytes
        apart = 2 * self.gathered_bytes(cells) + -(-cells // PART_CELLS) * self.weight_bytes
        return together > WORTH_SPLITTING * apart or cells <= PART_CELLS

    @cached_property
    def split_parts(self) -> tuple[int, int]:
        """(shares of the groups, parts of the rows) in the split form."""
        parts = min(self.all_rows, max(1, -(-self.all_rows * self.across // PART_CELLS)))
        shares = min(self.groups, -(-CHUNKS // parts))
        return shares, parts

    def offsets(self, cells: int) -> np.ndarray:
        """Bytes from a cell to its values in each step of a sum."""
        planes = np.arange(self.planes, dtype=np.int64) * self.plane_step(cells)
        if self.form:
            return planes
        taps = np.arange(self.taps, dtype=np.int64) * self.point_step(cells)
        return (taps[:, None] + planes).ravel()

    def row_offsets(self, cells: int) -> np.ndarray:
        """Bytes from a cell to each row of the gradient by the filters: channels; taps too where planar."""
        if self.planar:
            return self.offsets(cells)
        channels = np.arange(self.source[0], dtype=np.int64)
        return channels // LANES * self.plane_step(cells) + channels % LANES * 4

    @property
    def outer_group(self) -> int:
        """Output blocks of a sum of outer products."""
        most = min(most_blocks(planar=False), self.out_blocks)
        return 1 << (most.bit_length() - 1)

    @property
    def outer_rows(self) -> int:
        """Rows of the gradient by the filters at one point."""
        return self.source[0] * (self.size**2 if self.planar else 1)

    @property
    def outer_points(self) -> int:
        """Points, or taps, of the gradient by the filters."""
        return 1 if self.planar else self.taps

    @property
    def slice_bytes(self) -> int:
        """Of one slice's sums."""
        return self.outer_points * self.outer_rows * self.out_blocks * LINE

    @cached_property
    def slices(self) -> int:
        """Of the gradient by the filters; 0 where products are divided instead."""
        return min(SLICES, self.all_rows) if self.slice_bytes <= SLICE_BYTES or self.planar else 0

    def line_bytes(self, cells: int) -> int:
        """Of the gradient's lines of so many cells."""
        return self.out_blocks * (self.points * self.line_point_step(cells) if self.form else cells * LINE)

    def line_point_step(self, cells: int) -> int:
        """From a point to the next, for one block."""
        return (cells * LINE + LINE) if self.form else 0

    @property
    def rows_at_once(self) -> int:
        """Rows of a slice that are gathered together."""
        each = self.taps * self.planes * self.cell_bytes + self.points * self.out_blocks * LINE
        return max(1, min(GATHERED_BYTES // each, MOST_CELLS) // self.across)


def choose_form(images: int, source: Shape, output: Shape, size: int, unit: bool) -> int:
    """The form with the least time for a convolution of ``size``; ``unit``: stride and dilation are 1."""
    if size != 3 or not unit:
        return 0
    costs = {}
    for form in (2, 4):
        tiles = images * -(-output[1] // form) * -(-output[2] // form)
        costs[form] = (form + 2) ** 2 * (6 * tiles / RATE + POINT_SECONDS)
    return min(costs, key=lambda form: costs[form])


def outer_limits() -> dict[str, int]:
    """The most rows of a sum of outer products, for the record."""
    return {"most_rows": most_outer_rows(4), "most_rows_few_blocks": most_outer_rows(2)}
