"""[convolutional] with a group for each channel, in fast training."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from darknetpy.engine.memory import Shape, aligned_zeros
from darknetpy.graph import Node
from darknetpy.kernels.depthwise import filter_row, form_for
from darknetpy.kernels.layout import blocks_of
from darknetpy.kernels.simd import LANES, LINE
from darknetpy.kernels.training.depthwise import (
    FILTERING,
    SUMMING,
    collect_gradient,
    filter_depthwise,
    pitch_of,
    scratch_bytes,
    sum_products,
)
from darknetpy.kernels.training.elementwise import parts_of
from darknetpy.layers.parts.convolution import Convolution
from darknetpy.training.fast.filters import ArrayStore
from darknetpy.training.fast.gradients import Gradients
from darknetpy.training.fast.outputs import Output
from darknetpy.training.fast.plan import Plan, Record
from darknetpy.training.fast.sums import TrainedSums


def is_depthwise(part: Convolution, source: Shape) -> bool:
    """Whether each channel has one filter of its own, of a kind that the kernels know."""
    alone = part.groups == source[0] == part.filters
    return alone and part.dilation == 1 and part.padding < part.size


class DepthwiseStore(ArrayStore):
    """The arrays of a depthwise convolution: there is little of them, so NumPy puts them in order.

    Attributes:
        forward, backward: (blocks, taps, 16); the second turned by 180 degrees.
    """

    def __init__(self, node: Node, size: int) -> None:
        super().__init__(node)
        self._taps, self._blocks = size * size, blocks_of(node.output_shape[0])
        shape = self._blocks, self._taps, LANES
        self.forward, self.backward = (aligned_zeros(math.prod(shape)).reshape(shape) for _ in range(2))

    def pack(self, plan: Plan) -> None:
        plan.call(self._put_in_order)

    def take_filters(self, weights: np.ndarray) -> None:
        self._weights = weights

    def _put_in_order(self) -> None:
        count = len(self._weights)
        rows = np.zeros((self._blocks * LANES, self._taps), np.float32)
        rows[:count] = self._weights.reshape(count, -1)
        lines = rows.reshape(self._blocks, LANES, self._taps).swapaxes(1, 2)
        self.forward[:], self.backward[:] = lines, lines[:, ::-1]


class TrainedDepthwise(TrainedSums):
    """A convolution with one filter for each channel.

    Args:
        node, part, images, training: see `TrainedSums`. source: shape of what it reads.
    """

    filters: DepthwiseStore

    def __init__(self, node: Node, part: Convolution, source: Shape, images: int, *, training: bool) -> None:
        super().__init__(node, part, images, training=training)
        self.source, self.output = source, node.output_shape
        self.filters = DepthwiseStore(node, part.size)
        self._zeros = aligned_zeros(LANES)

    @property
    def parts(self) -> int:
        return self._parts_of(self.output)

    def add_up(self, plan: Plan, source: Output, finishing: Record) -> None:
        fields = self._windows(self.source, self.output, self.part.padding, self.part.strides, (1, 1))
        self._filter(plan, source.loading(plan), fields, self.filters.forward, finishing)

    def add_up_filters(self, plan: Plan, by_z: Record, source: Output) -> None:
        taps, blocks = self.part.size**2, blocks_of(self.output[0])
        fields = self._windows(self.source, self.output, self.part.padding, self.part.strides, (1, 1))
        parts = fields["parts"]
        sums = plan.bytes(parts * blocks * taps * LINE)
        record = Record(SUMMING, loading=source.loading(plan), by_output=by_z, out=sums, **fields)
        plan.operate(sum_products, parts * blocks, record, self._scratch_bytes(fields))
        found = {"sums": sums, "parts": parts, "blocks": blocks, "channels": self.output[0], "taps": taps}
        self.filters.collect_gradient(plan, collect_gradient, blocks, found)

    def add_up_input(self, plan: Plan, by_z: Record, index: int, gradients: Gradients) -> None:
        padding = self.part.size - 1 - self.part.padding
        fields = self._windows(self.output, self.source, padding, (1, 1), self.part.strides)
        filter_by = partial(self._filter, plan, by_z, fields, self.filters.backward)
        gradients.give(index, fields["parts"], filter_by)

    def _filter(
        self, plan: Plan, loading: Record, fields: dict[str, int], weights: np.ndarray, finishing: Record
    ) -> None:
        form = form_for(1, self.part.size, fields["stride_x"], fields["out_width"])
        record = Record(
            FILTERING, loading=loading, finishing=finishing, weights=weights, biases=self._zeros,
            filter_row=filter_row.address, form=form, **fields,
        )  # fmt: skip
        plan.operate(filter_depthwise, fields["parts"] * fields["blocks"], record, self._scratch_bytes(fields))

    def _parts_of(self, windows: Shape) -> int:
        channels, height, width = windows
        return parts_of(self.images * height, width, blocks_of(channels))

    def _windows(
        self, source: Shape, windows: Shape, padding: int, strides: tuple[int, int], spacing: tuple[int, int]
    ) -> dict[str, int]:
        """The fields of `WINDOWS` but for the loading."""
        size = self.part.size
        return {
            "images": self.images, "height": source[1], "width": source[2], "padding": padding,
            "out_height": windows[1], "out_width": windows[2], "blocks": blocks_of(source[0]), "size": size,
            "stride_y": strides[0], "stride_x": strides[1], "spacing_y": spacing[0], "spacing_x": spacing[1],
            "pitch": pitch_of(source[2], padding, windows[2], size, strides[1], spacing[1]),
            "parts": self._parts_of(windows),
        }  # fmt: skip

    def _scratch_bytes(self, fields: dict[str, int]) -> int:
        return scratch_bytes(self.part.size, fields["pitch"], fields["width"], fields["out_width"])
