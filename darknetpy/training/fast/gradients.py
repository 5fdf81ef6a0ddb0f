"""On the way back: gradients by outputs, added up as their readers give them, and finished by the last one.

A gradient by an output is *finished* when what stands before the activation is reached, and the sums that the layer's
own gradients need have been taken. Whoever computes the last share does that while it writes (`FINISHING`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from darknetpy.engine.memory import Value
from darknetpy.kernels.layout import to_blocked, to_planar
from darknetpy.kernels.training.finishing import FINISHING
from darknetpy.kernels.training.loading import LOADING
from darknetpy.training.fast.outputs import Output, add_up, convert, parts_of_pixels, sums_of
from darknetpy.training.fast.plan import Bytes, Plan, Record


@dataclass
class Summed:
    """The sums of a convolution's gradient: where they are, once taken, and around what (a line for each block)."""

    z: Value
    means: np.ndarray
    sums: Bytes | None = None
    parts: int = 0


@dataclass
class Target:
    """The gradient by one output, in the making.

    Attributes:
        output: of which. readers: how many shares are still to come.
        summed: the convolution whose sums are taken when this gradient is finished.
        arrived: what has been added up so far. finished: whether that is all, activation and sums included.
    """

    output: Output
    readers: int
    summed: Summed | None = None
    arrived: Value | None = None
    finished: bool = False


@dataclass
class Gradients:
    """All targets of a pass, by the index of the layer."""

    plan: Plan
    targets: dict[int, Target] = field(default_factory=dict)

    def wanted(self, index: int) -> bool:
        """Whether anybody wants the gradient by a layer's output."""
        return index in self.targets

    def give(self, index: int, parts: int, write: Callable[[Record], None]) -> None:
        """One share, by an operation that writes through a FINISHING with sums of so many parts, see `write`."""
        target = self.targets[index]
        target.readers -= 1
        out = self.plan.value(target.output.shape)
        fields = self._finish(target, parts) if target.readers == 0 else {}
        write(Record(FINISHING, out=out, blocks=out.blocks, other=target.arrived or 0, **fields))
        target.arrived = out

    def give_value(self, index: int, value: Value) -> None:
        """One share that is there already, blocked, as it is; it is not changed."""
        target = self.targets[index]
        if target.arrived is None:
            target.readers -= 1
            target.arrived = value
            target.finished = target.readers == 0 and self._is_finished(target)
            return
        loading = Record(LOADING, array=value)
        parts = parts_of_pixels(self.plan, value)
        self.give(index, parts, lambda finishing: add_up(self.plan, loading, None, 1.0, finishing, value, parts))

    def give_planar(self, index: int, value: Value) -> None:
        """One share that is there already, (n, *shape)."""
        blocked = self.plan.value(value.shape)
        convert(self.plan, to_blocked, value, blocked)
        self.give_value(index, blocked)

    def take(self, index: int) -> Value:
        """The finished gradient, blocked."""
        target = self.targets[index]
        assert target.readers == 0
        assert target.arrived is not None
        if not target.finished:
            out = self.plan.value(target.output.shape)
            parts = parts_of_pixels(self.plan, out)
            finishing = Record(FINISHING, out=out, blocks=out.blocks, **self._finish(target, parts))
            add_up(self.plan, Record(LOADING, array=target.arrived), None, 1.0, finishing, out, parts)
            target.arrived = out
        return target.arrived

    def take_planar(self, index: int) -> Value:
        """The finished gradient, (n, *shape)."""
        blocked = self.take(index)
        value = self.plan.value(blocked.shape, blocked=False)
        convert(self.plan, to_planar, blocked, value)
        return value

    def _is_finished(self, target: Target) -> bool:
        """Whether nothing is left to do once all shares are there."""
        return target.output.slope == 1 and (target.summed is None or target.summed.sums is not None)

    def _finish(self, target: Target, parts: int) -> Mapping[str, object]:
        """The fields of a FINISHING that finish a gradient; it counts as finished from now on."""
        fields: dict[str, object] = {}
        output, summed = target.output, target.summed
        if output.slope != 1:
            fields |= {"mask": output.blocked, "slope": output.slope}
            if output.lines is not None:
                fields |= {"mask_factors": output.lines.factors, "mask_shifts": output.lines.shifts}
        if summed is not None and summed.sums is None:
            summed.sums, summed.parts = sums_of(self.plan, parts, summed.z.blocks), parts
            fields |= {"sums": summed.sums, "centres": summed.means, "seen": summed.z}
        target.finished = True
        return fields
