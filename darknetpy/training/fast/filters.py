"""The arrays of a convolution on their way to the kernels and back: packed filters, gradients, small arrays."""

from __future__ import annotations

import numpy as np

from darknetpy.engine.memory import aligned_bytes, aligned_zeros
from darknetpy.graph import Node
from darknetpy.kernels.layout import blocks_of
from darknetpy.kernels.simd import LANES
from darknetpy.kernels.training.filters import (
    PACKING,
    UNPACKING,
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


class FilterStore:
    """A convolution's arrays, as its kernels read them, and the gradient by its filters.

    Attributes:
        forward, backward: packed filters; the second for the gradient by the input, where that is wanted.
        small: the arrays of one number a channel, copied by `refresh`.
        gradient: by the filters, in the file's order. trouble: not 0 where that has values that are not finite.
    """

    def __init__(self, node: Node, cells: Cells, back: Cells | None, *, with_backward: bool) -> None:
        self.node, self._cells = node, cells
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
        self.gradient = aligned_zeros(filters * channels * cells.size**2)
        self.gradient.shape = node.weights["weights"].shape
        self.small = {name: aligned_zeros(filters) for name in SMALL if name in node.weights}
        self.centres = aligned_zeros(cells.out_blocks * LANES)
        self.trouble = np.zeros(1, np.int64)
        self._unpacking: Record | None = None

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
        self.trouble = np.zeros(fields["chunks"], np.int64)
        self._unpacking = Record(UNPACKING, gradient=self.gradient, sums=sums, trouble=self.trouble, adds=0, **fields)
        plan.operate(gather_gradient, fields["chunks"], self._unpacking, self._scratch)

    def refresh(self) -> None:
        """Take the arrays as they are now; the filters are read where they lie when they are packed."""
        weights = np.ascontiguousarray(self.node.weights["weights"], np.float32)
        self.node.weights["weights"] = weights
        self._packing.filled(0)["weights"] = weights.ctypes.data
        for name, array in self.small.items():
            array[:] = self.node.weights[name]
        if "rolling_mean" in self.small:
            self.centres[: len(self.small["rolling_mean"])] = self.small["rolling_mean"]

    def add_gradients(self, adds: bool) -> None:
        """Whether the next gradient is added to what is there."""
        if self._unpacking is not None:
            self._unpacking.filled(0)["adds"] = int(adds)
