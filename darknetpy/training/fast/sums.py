"""Sums that a layer is made of, with batch normalization or biases, in fast training: without their activation.

What makes the sums, a convolution of one kind or another, is a class of its own; what is done with them is the same.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np

from darknetpy.engine.memory import Value, aligned_zeros
from darknetpy.graph import Node
from darknetpy.kernels.layout import blocks_of
from darknetpy.kernels.simd import LANES
from darknetpy.kernels.training.finishing import FINISHING
from darknetpy.kernels.training.loading import LOADING
from darknetpy.kernels.training.normalization import (
    NONE,
    NORMALIZATION,
    NORMALIZATION_BACK,
    OF_BATCH,
    STORED,
    normalize,
    normalize_back,
)
from darknetpy.layers.parts.convolution import Convolution
from darknetpy.training.fast.filters import ArrayStore
from darknetpy.training.fast.gradients import Gradients, Summed
from darknetpy.training.fast.outputs import Lines, Output, sums_of
from darknetpy.training.fast.plan import Plan, Record


class TrainedSums(ABC):
    """A convolution with its batch normalization or biases, but without its activation, in one plan.

    Args:
        node: the layer, whose arrays it has. part: what its options say. images: of a mini-batch.
        training: whether statistics are those of the batch.

    Attributes:
        filters: the arrays. summed: where the sums are, once there is a pass forwards.
    """

    filters: ArrayStore

    def __init__(self, node: Node, part: Convolution, images: int, *, training: bool) -> None:
        self.node, self.part, self.images, self.training = node, part, images, training
        output = node.output_shape
        blocks = blocks_of(output[0])
        self._back_record: Record | None = None
        self.lines, self.by_z = Lines.of(blocks), Lines.of(blocks)
        self.by_z_other = aligned_zeros(blocks * LANES)
        self.means, self.variances = (aligned_zeros(blocks * LANES) for _ in range(2))
        self.count = images * output[1] * output[2]
        self.summed: Summed | None = None
        self.by_biases, self.by_scales = (aligned_zeros(output[0]) for _ in range(2))

    # ---- what kinds of convolutions do in ways of their own ----

    @property
    @abstractmethod
    def parts(self) -> int:
        """Parts whose sums `add_up` takes."""

    @abstractmethod
    def add_up(self, plan: Plan, source: Output, finishing: Record) -> None:
        """Add the operations that write the sums."""

    @abstractmethod
    def add_up_filters(self, plan: Plan, by_z: Record, source: Output) -> None:
        """Add the operations for the gradient by the filters, from that by the sums."""

    @abstractmethod
    def add_up_input(self, plan: Plan, by_z: Record, index: int, gradients: Gradients) -> None:
        """Add the operations for the gradient by the input, the output of the layer ``index``."""

    # ---- what they have in common ----

    @property
    def statistics(self) -> int:
        """Which statistics normalize."""
        if not self.part.normalized:
            return NONE
        return OF_BATCH if self.training else STORED

    @property
    def went_back(self) -> bool:
        """Whether the plan has its pass backwards."""
        return self._back_record is not None

    def add_gradients(self, adds: bool) -> None:
        """Whether the next gradients are added to those that are there."""
        self.filters.add_gradients(adds)
        if self._back_record is not None:
            self._back_record.filled(0)["adding"] = int(adds)

    def gradients(self) -> Iterator[tuple[str, np.ndarray]]:
        """Names of arrays, and the gradients by them."""
        yield "biases", self.by_biases
        if self.statistics != NONE:
            yield "scales", self.by_scales
        yield "weights", self.filters.gradient

    def seen(self) -> Iterator[tuple[str, np.ndarray]]:
        """Mean and variance of the batch, by the names of the rolling ones."""
        if self.statistics == OF_BATCH:
            count = self.node.output_shape[0]
            yield "rolling_mean", self.means[:count].copy()
            yield "rolling_variance", self.variances[:count].copy()

    def looks_finite(self) -> bool:
        """Whether statistics and gradients are finite."""
        small = (self.means, self.variances, self.by_biases, self.by_scales)
        return not self.filters.trouble.any() and all(bool(np.isfinite(array).all()) for array in small)

    # ---- forwards ----

    def run_forwards(self, plan: Plan, source: Output) -> Output:
        """Sums, statistics; the output can be read through factors and shifts."""
        z = plan.value(self.node.output_shape)
        taken = self.statistics == OF_BATCH
        parts = self.parts
        sums = sums_of(plan, parts, z.blocks) if taken else None
        fields = {"sums": sums, "centres": self.filters.centres} if sums is not None else {}
        finishing = Record(FINISHING, out=z, blocks=z.blocks, **fields)
        self.add_up(plan, source, finishing)
        dialect = self.node.layer.dialect
        record = Record(
            NORMALIZATION, sums=sums if sums is not None else 0, parts=parts, blocks=z.blocks, channels=z.channels,
            count=self.count, statistics=self.statistics, inside=int(dialect.batch_norm_epsilon_inside),
            epsilon=dialect.batch_norm_epsilon, centres=self.filters.centres,
            means=self.means, variances=self.variances,
            biases=self.filters.small["biases"], scales=self.filters.small.get("scales", 0),
            stored_means=self.filters.small.get("rolling_mean", 0),
            stored_variances=self.filters.small.get("rolling_variance", 0),
            factors=self.lines.factors, shifts=self.lines.shifts,
        )  # fmt: skip
        plan.operate(normalize, z.blocks, record)
        self.summed = Summed(z, self.means)
        return Output(self.node.output_shape, blocked=z, lines=self.lines)

    # ---- backwards ----

    def run_backwards(self, plan: Plan, gradient: Value, source: Output, index: int, gradients: Gradients) -> None:
        """From the finished gradient by the output to those by the arrays and by the input, of the layer ``index``."""
        assert self.summed is not None
        assert self.summed.sums is not None
        dialect, z = self.node.layer.dialect, self.summed.z
        self._back_record = Record(
            NORMALIZATION_BACK, sums=self.summed.sums, parts=self.summed.parts, blocks=z.blocks, channels=z.channels,
            count=self.count, statistics=self.statistics, inside=int(dialect.batch_norm_epsilon_inside),
            epsilon=dialect.batch_norm_epsilon, means=self.means, variances=self.variances,
            scales=self.filters.small.get("scales", 0), by_biases=self.by_biases, by_scales=self.by_scales,
            factors=self.by_z.factors, shifts=self.by_z.shifts, other_factors=self.by_z_other,
        )  # fmt: skip
        plan.operate(normalize_back, z.blocks, self._back_record)
        by_z = Record(LOADING, array=gradient)
        if self.statistics == OF_BATCH:
            by_z = Record(
                LOADING, array=gradient, factors=self.by_z.factors, shifts=self.by_z.shifts, other=z,
                other_factors=self.by_z_other, slope=1,
            )  # fmt: skip
        elif self.statistics == STORED:
            by_z = Record(LOADING, array=gradient, factors=self.by_z.factors, shifts=self.by_z.shifts, slope=1)
        self.add_up_filters(plan, by_z, source)
        if gradients.wanted(index):
            self.add_up_input(plan, by_z, index, gradients)
