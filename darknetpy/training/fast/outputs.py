"""What a layer's output is while a pass is made: an array read through factors, shifts and a slope, or a real one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from darknetpy.engine.memory import Shape, Value, aligned_zeros
from darknetpy.kernels.layout import to_blocked, to_planar
from darknetpy.kernels.operations import Operation
from darknetpy.kernels.simd import LANES
from darknetpy.kernels.training.elementwise import COMBINATION, combine, combine_scratch, parts_of
from darknetpy.kernels.training.finishing import FINISHING, SUMS_BYTES
from darknetpy.kernels.training.loading import LOADING
from darknetpy.training.fast.plan import Bytes, Plan, Record


@dataclass
class Lines:
    """The numbers of a layer for each channel, 16 to a line, a line for each block."""

    factors: np.ndarray
    shifts: np.ndarray

    @classmethod
    def of(cls, blocks: int) -> Lines:
        """All 0."""
        return cls(aligned_zeros(blocks * LANES), aligned_zeros(blocks * LANES))


@dataclass
class Output:
    """An output of a layer (or the network's input) in a plan.

    Attributes:
        shape: of one picture.
        blocked: the array, if there is a blocked one; ``lines`` and ``slope`` say what the value is.
        planar: the value itself as (n, *shape), if somebody asked for it.
    """

    shape: Shape
    blocked: Value | None = None
    lines: Lines | None = None
    slope: float = 1.0
    planar: Value | None = None
    _real: Value | None = None

    def loading(self, plan: Plan) -> Record:
        """How kernels read it."""
        if self.blocked is None:
            return Record(LOADING, array=self.real(plan))
        if self.lines is None:
            return Record(LOADING, array=self.blocked)
        lines = self.lines
        return Record(LOADING, array=self.blocked, factors=lines.factors, shifts=lines.shifts, slope=self.slope)

    def planar_loading(self) -> Record:
        """How kernels read planar pictures."""
        return Record(LOADING, array=self.planar)

    def real(self, plan: Plan) -> Value:
        """The values themselves, blocked."""
        if self._real is None:
            if self.blocked is not None and self.lines is None:
                self._real = self.blocked
            else:
                self._real = plan.value(self.shape)
                if self.blocked is None:
                    assert self.planar is not None
                    convert(plan, to_blocked, self.planar, self._real)
                else:
                    copy(plan, self.loading(plan), self._real)
        return self._real

    def as_planar(self, plan: Plan) -> Value:
        """The values themselves, (n, *shape)."""
        if self.planar is None:
            self.planar = plan.value(self.shape, blocked=False)
            convert(plan, to_planar, self.real(plan), self.planar)
        return self.planar


def convert(plan: Plan, operation: Operation, source: Value, out: Value) -> None:
    """From planar to blocked, or back."""
    record = Record(operation.record, source=source, out=out, channels=source.channels, pixels=source.pixels)
    plan.operate(operation, source.images * source.blocks, record)


def copy(plan: Plan, loading: Record, out: Value) -> None:
    """What a loading reads, to a blocked array."""
    add_up(plan, loading, None, 1.0, Record(FINISHING, out=out, blocks=out.blocks), out)


def add_up(
    plan: Plan, first: Record, second: Record | None, slope: float, finishing: Record, like: Value, parts: int = 0
) -> None:
    """rectify(first + second), finished; ``like`` has the shape."""
    parts = parts or parts_of_pixels(plan, like)
    record = Record(
        COMBINATION, source=first, second=second or 0, finishing=finishing, images=plan.images, blocks=like.blocks,
        pixels=like.pixels, parts=parts, slope=slope,
    )  # fmt: skip
    plan.operate(combine, parts * like.blocks, record, combine_scratch(second is not None))


def parts_of_pixels(plan: Plan, like: Value) -> int:
    """Parts of `add_up` for an array of that shape."""
    return parts_of(plan.images * like.pixels, 1, like.blocks)


def sums_of(plan: Plan, parts: int, blocks: int) -> Bytes:
    """Where so many parts put their sums."""
    return plan.bytes(parts * blocks * SUMS_BYTES)
