"""[convolutional] in fast training: what it keeps, and its operations forwards and backwards."""

from __future__ import annotations

from functools import partial

import numpy as np

from darknetpy.engine.memory import Shape, aligned_zeros
from darknetpy.graph import Node
from darknetpy.kernels.simd import LANES, LINE
from darknetpy.kernels.tiles import run_tiles
from darknetpy.kernels.training.columns import SCATTERING, scatter
from darknetpy.kernels.training.convolution import CONVOLVING, convolve
from darknetpy.kernels.training.gathering import GATHERING, gather
from darknetpy.kernels.training.outer import run_outer
from darknetpy.kernels.training.transforms import spread
from darknetpy.kernels.training.weight_gradients import SUMMING, spread_lines, sum_points, sum_slice
from darknetpy.kernels.winograd import forward as transform_forward
from darknetpy.kernels.winograd import inverse as transform_inverse
from darknetpy.layers.parts.convolution import Convolution
from darknetpy.training.fast.filters import FilterStore
from darknetpy.training.fast.geometry import Cells, choose_form, outer_limits
from darknetpy.training.fast.gradients import Gradients
from darknetpy.training.fast.outputs import Output
from darknetpy.training.fast.plan import Plan, Record
from darknetpy.training.fast.sums import TrainedSums

MOST_PLANAR = 8  # channels of a network's input that are read as they lie
LEAST_SCATTERED_ROWS = 16


class TrainedConvolution(TrainedSums):
    """A convolution whose filters see all channels.

    Args:
        node, part, images, training: see `TrainedSums`. source: shape of what it reads.
        planar: whether it reads the network's input as it lies.
        with_backward: whether the gradient by the input is wanted.
    """

    filters: FilterStore

    def __init__(
        self, node: Node, part: Convolution, source: Shape, images: int, *, planar: bool, training: bool,
        with_backward: bool,
    ) -> None:  # fmt: skip
        super().__init__(node, part, images, training=training)
        unit = part.strides == (1, 1) and part.dilation == 1
        output = node.output_shape
        turns_back = unit and part.padding < part.size  # else what comes back is added up tap by tap
        form = 0 if planar else choose_form(images, source, output, part.size, turns_back)
        self.cells = Cells(images, source, output, part.size, part.strides, part.dilation, part.padding, form, planar)
        self.back: Cells | None = None
        if turns_back and (form or part.size == 1):
            padding = part.size - 1 - part.padding
            self.back = Cells(images, output, source, part.size, (1, 1), 1, padding, form)
        self.zeros = aligned_zeros(LANES * max(self.cells.group, self.back.group if self.back else 4))
        self.filters = FilterStore(node, self.cells, self.back, with_backward=with_backward)

    @property
    def parts(self) -> int:
        return _parts_of(self.cells)

    def add_up(self, plan: Plan, source: Output, finishing: Record) -> None:
        products(plan, self.cells, self._read(plan, source), finishing, self.filters.forward, self.zeros)

    def _read(self, plan: Plan, source: Output) -> Record:
        return source.planar_loading() if self.cells.planar else source.loading(plan)

    def add_up_filters(self, plan: Plan, by_z: Record, source: Output) -> None:
        cells = self.cells
        loading = self._read(plan, source)
        slices = cells.slices
        at_once = cells.rows_at_once if slices else cells.all_rows
        count = at_once * cells.across
        offsets = cells.row_offsets(count)
        sums = plan.bytes(max(1, slices) * cells.slice_bytes)
        fields = {
            "loading": by_z, "outer": run_outer.address, "spread": spread.address, "offsets": offsets,
            "out": sums, "slice_step": cells.slice_bytes, "slices": slices, "blocks": cells.out_blocks,
            "group": cells.outer_group, "height": cells.output[1], "width": cells.output[2],
            "channels": cells.outer_rows, "points": cells.outer_points,
            "line_point_step": cells.line_point_step(count), "band_bytes": cells.band_bytes, "rows_at_once": at_once,
            **outer_limits(),
        }  # fmt: skip
        gathering = _gathering(cells, loading, count)
        if slices:
            gathered, lines = cells.gathered_bytes(count), cells.line_bytes(count)
            record = Record(SUMMING, gathering=gathering, gathered=gathered, lines_bytes=lines, **fields)
            plan.operate(sum_slice, slices, record, cells.band_bytes + gathered + lines)
        else:
            gathered_cells = plan.bytes(cells.gathered_bytes(count))
            parts = min(cells.all_rows, 4)
            gathering = _gathering(cells, loading, count, out=gathered_cells, parts=parts)
            plan.operate(gather, parts * cells.planes, gathering, cells.band_bytes)
            lines_region = plan.bytes(cells.line_bytes(count))
            record = Record(
                SUMMING, gathering=gathering, cells=gathered_cells, lines=lines_region, parts=parts, **fields
            )
            groups = _number_of_groups(cells.out_blocks, cells.outer_group)
            plan.operate(spread_lines, groups * parts, record, cells.band_bytes)
            plan.operate(sum_points, groups * cells.outer_points, record)
        self.filters.gather_gradient(plan, sums, max(1, slices))

    def add_up_input(self, plan: Plan, by_z: Record, index: int, gradients: Gradients) -> None:
        if self.back is not None:
            back = self.back
            gradients.give(
                index, _parts_of(back),
                lambda finishing: products(plan, back, by_z, finishing, self.filters.backward, self.zeros),
            )  # fmt: skip
        else:
            parts = self._scattered_parts()
            gradients.give(index, parts, partial(self._scatter, plan, by_z, parts))

    def _scattered_parts(self) -> int:
        """Parts of the input's rows for `scatter`: rows of one chunk repeat what its neighbours compute at the rim."""
        _, height, width = self.cells.source
        rows = self.images * height
        each = max(LEAST_SCATTERED_ROWS, 2000 // width)
        return max(1, min(rows, -(-rows // each)))

    def _scatter(self, plan: Plan, by_z: Record, parts: int, finishing: Record) -> None:
        cells = self.cells
        as_pixels = Cells(self.images, cells.output, cells.source, 1, (1, 1), 1, 0, 0)
        rows = -(-self.images * cells.source[1] // parts)
        reach = (cells.size - 1) * cells.dilation
        z_rows = min(cells.output[1], (rows - 1 + reach) // cells.strides[0] + 2)
        count = z_rows * cells.output[2]
        plane_step, band = as_pixels.plane_step(count), rows * cells.source[2] * LINE
        gathered = as_pixels.planes * plane_step
        shares = min(as_pixels.groups, max(1, -(-16 // parts)))
        record = Record(
            SCATTERING, loading=by_z, finishing=finishing, weights=self.filters.backward, zeros=self.zeros,
            offsets=as_pixels.offsets(count), tiles=run_tiles.address, images=self.images,
            height=cells.output[1], width=cells.output[2], blocks=as_pixels.planes, out_height=cells.source[1],
            out_width=cells.source[2], out_blocks=as_pixels.out_blocks, size=cells.size, stride_x=cells.strides[1],
            stride_y=cells.strides[0], dilation=cells.dilation, padding=cells.padding, steps=as_pixels.steps,
            turns=as_pixels.turns, depth=as_pixels.depth, group=as_pixels.group,
            accumulators=as_pixels.accumulators, parts=parts, shares=shares, plane_step=plane_step,
            band_bytes=band, gathered=gathered,
        )  # fmt: skip
        products_bytes = as_pixels.group * count * LINE
        plan.operate(scatter, shares * parts, record, as_pixels.group * band + gathered + products_bytes)


def _parts_of(cells: Cells) -> int:
    return cells.split_parts[1] if cells.splits else cells.parts


def _number_of_groups(blocks: int, group: int) -> int:
    """Groups of so many blocks; the last ones are cut into powers of two."""
    return blocks // group + (blocks % group).bit_count()


def _gathering(cells: Cells, loading: Record, count: int, **fields: object) -> Record:
    """How cells are gathered, ``count`` of them in a plane."""
    return Record(
        GATHERING, loading=loading, forward=transform_forward.address, images=cells.images, planes=cells.planes,
        height=cells.source[1], width=cells.source[2], padding=cells.padding, size=cells.size,
        stride_x=cells.strides[1], stride_y=cells.strides[0], dilation=cells.dilation, form=cells.form,
        tile=cells.tile, window=cells.window, rows=cells.rows, across=cells.across,
        point_step=cells.point_step(count), plane_step=cells.plane_step(count), planar=int(cells.planar), **fields,
    )  # fmt: skip


def products(
    plan: Plan, cells: Cells, loading: Record, finishing: Record, weights: np.ndarray, zeros: np.ndarray
) -> None:
    """A convolution of cells with packed filters: one operation, or two."""
    fields = {
        "finishing": finishing, "weights": weights, "zeros": zeros, "tiles": run_tiles.address,
        "inverse": transform_inverse.address, "band_bytes": cells.band_bytes, "out_blocks": cells.out_blocks,
        "out_height": cells.output[1], "out_width": cells.output[2], "steps": cells.steps, "turns": cells.turns,
        "depth": cells.depth, "group": cells.group, "accumulators": cells.accumulators,
    }  # fmt: skip
    if not cells.splits:
        largest = -(-cells.all_rows // cells.parts) * cells.across
        record = Record(
            CONVOLVING, gathering=_gathering(cells, loading, largest), offsets=cells.offsets(largest),
            gathered=cells.gathered_bytes(largest), parts=cells.parts, shares=1, **fields,
        )  # fmt: skip
        scratch = cells.band_bytes + cells.gathered_bytes(largest) + _products_bytes(cells, largest)
        plan.operate(convolve, cells.parts, record, scratch)
        return
    count = cells.all_rows * cells.across
    gathered = plan.bytes(cells.gathered_bytes(count))
    parts = min(cells.all_rows, 4)
    gathering = _gathering(cells, loading, count, out=gathered, parts=parts)
    plan.operate(gather, parts * cells.planes, gathering, cells.band_bytes)
    shares, parts = cells.split_parts
    largest = -(-cells.all_rows // parts) * cells.across
    record = Record(
        CONVOLVING, gathering=gathering, offsets=cells.offsets(count), cells=gathered, parts=parts, shares=shares,
        **fields,
    )  # fmt: skip
    plan.operate(convolve, shares * parts, record, cells.band_bytes + _products_bytes(cells, largest))


def _products_bytes(cells: Cells, count: int) -> int:
    return cells.points * (cells.group * count + 1) * LINE
