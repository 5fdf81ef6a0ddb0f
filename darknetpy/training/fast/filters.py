"""The arrays of a convolution on their way to the kernels and back: packed filters, gradients, small arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from darknetpy.engine.memory import aligned_bytes, aligned_zeros
from darknetpy.graph import Node
from darknetpy.kernels.layout import blocks_of
from darknetpy.kernels.operations import Operation
from darknetpy.kernels.simd import LANES
from darknetpy.kernels.training.filters import (
    PACKING,
    gather_gradient,
    pack_filters,
    packed_bytes,
    packing_fields,
    scratch_bytes,
    unpacking_fields,
)
from darknetpy.training.fast.geometry import Cells
from darknetpy.training.fast.plan import Bytes, Plan, Record

SMALL = ("biases", "scales", "rolling_mean", "rolling_variance")


class ArrayStore(ABC):
    """A convolution's arrays, as its kernels read them, and the gradient by its filters.

    Attributes:
        small: the arrays of one number a channel, copied by `refresh`. centres: near the means, for sums around them.
        gradient: by the filters, in the file's order. trouble: not 0 where that has values that are not finite.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        filters, weights = node.output_shape[0], node.weights["weights"]
        self.gradient = aligned_zeros(weights.size).reshape(weights.shape)
        self.small = {name: aligned_zeros(filters) for name in SMALL if name in node.weights}
        self.centres = aligned_zeros(blocks_of(filters) * LANES)
        self.trouble = np.zeros(1, np.int64)
        self._collecting: Record | None = None

    @abstractmethod
    def pack(self, plan: Plan) -> None:
        """Add the step that brings the filters into the order of the kernels."""

    def refresh(self) -> None:
        """Take the arrays as they are now."""
        weights = np.ascontiguousarray(self.node.weights["weights"], np.float32)
        self.node.weights["weights"] = weights
        self.take_filters(weights)
        for name, array in self.small.items():
            array[:] = self.node.weights[name]
        if "rolling_mean" in self.small:
            self.centres[: len(self.small["rolling_mean"])] = self.small["rolling_mean"]

    @abstractmethod
    def take_filters(self, weights: np.ndarray) -> None:
        """Take the filters (filters, channels of a group, size, size) float32, which are read when they are packed."""

    def collect_gradient(
        self, plan: Plan, operation: Operation, chunks: int, fields: Mapping[str, object], scratch_bytes: int = 0
    ) -> None:
        """Add the operation that makes the gradient from partial sums, with a place for trouble in each chunk."""
        self.trouble = np.zeros(chunks, np.int64)
        self._collecting = Record(operation.record, gradient=self.gradient, trouble=self.trouble, adds=0, **fields)
        plan.operate(operation, chunks, self._collecting, scratch_bytes)

    def add_gradients(self, adds: bool) -> None:
        """Whether the next gradient is added to what is there."""
        if self._collecting is not None:
            self._collecting.filled(0)["adds"] = int(adds)


class FilterStore(ArrayStore):
    """Those of a convolution whose filters see all channels.

    Attributes:
        forward, backward: packed filters; the second for the gradient by the input, where that is wanted.
    """

    def __init__(self, node: Node, cells: Cells, back: Cells | None, *, with_backward: bool) -> None:
        super().__init__(node)
        self._cells = cells
        self._pixels = Cells(cells.images, cells.output, cells.source, 1, (1, 1), 1, 0, 0)
        self._back = back or self._pixels
        filters, channels = cells.output[0], cells.source[0]
        points = cells.points if cells.form else cells.taps
        self.forward = aligned_bytes(packed_bytes(blocks_of(filters), points, cells.inner_depth))
        size = packed_bytes(blocks_of(channels), points, self._back.inner_depth) if with_backward else 0
        self.backward = aligned_bytes(size)
        fields = packing_fields(
            filters, channels, cells.size**2, cells.form, cells.inner_depth, cells.group,
            self._back.inner_depth if with_backward else 0, self._back.group if with_backward else 1,
        )  # fmt: skip
        self._packing = Record(
            PACKING, weights=0, forward=self.forward, backward=self.backward if with_backward else 0, **fields
        )
        self._chunks = fields["chunks"]
        self._scratch = scratch_bytes(cells.size**2, cells.form)

    def pack(self, plan: Plan) -> None:
        """Add the operation that packs the filters."""
        plan.operate(pack_filters, self._chunks, self._packing, self._scratch)

    def gather_gradient(self, plan: Plan, sums: Bytes, slices: int) -> None:
        """Add the operation that makes the gradient from partial sums."""
        cells = self._cells
        fields = unpacking_fields(
            cells.output[0], cells.source[0], cells.size**2, cells.form, cells.source[0], cells.outer_group, slices,
            cells.slice_bytes,
        )  # fmt: skip
        self.collect_gradient(plan, gather_gradient, fields["chunks"], {"sums": sums, **fields}, self._scratch)

    def take_filters(self, weights: np.ndarray) -> None:
        self._packing.filled(0)["weights"] = weights.ctypes.data
