"""Steps of a training pass in the making: records of compiled operations, and where their arrays lie.

Values live from the step that writes them to the last one that reads them, which for most is on the way back; values
whose lives do not meet share memory. So records are filled only when all steps are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from darknetpy.engine.memory import Shape, Value, aligned_bytes, place
from darknetpy.engine.threads import Job, Scratch, Team
from darknetpy.kernels.operations import Operation
from darknetpy.kernels.simd import LINE


class Bytes(Value):
    """So many bytes without a shape, such as partial sums."""

    def __init__(self, count: int) -> None:
        super().__init__((1, 1, 1), 1, blocked=True)
        self._count = -(-count // LINE) * LINE

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self._count


class Record:
    """A structure that kernels read, in the making. Fields are numbers, or what has an address.

    A `Value` or `Bytes` is filled in as its address, with its strides in NAME_plane and NAME_image where the structure
    has these; an array (which is kept), and another `Record`, as theirs.
    """

    def __init__(self, kind: np.dtype, **fields: Any) -> None:
        self.kind, self.fields = kind, fields
        self._filled: np.ndarray | None = None

    def values(self) -> Iterator[Value]:
        """All values whose addresses are in it, or in records that it names."""
        for field in self.fields.values():
            if isinstance(field, Value):
                yield field
            elif isinstance(field, Record):
                yield from field.values()

    def filled(self, arena: int) -> np.ndarray:
        """The structure, values' addresses counted from that of the arena; the same one each time."""
        if self._filled is None:
            record = np.zeros(1, self.kind)
            for name, field in self.fields.items():
                record[name] = self._number(field, arena)
                for stride in ("plane", "image"):
                    if isinstance(field, Value) and f"{name}_{stride}" in (self.kind.names or ()):
                        record[f"{name}_{stride}"] = getattr(field, f"{stride}_bytes")
            self._filled = record
        return self._filled

    @staticmethod
    def _number(field: Any, arena: int) -> Any:
        if isinstance(field, Value):
            return arena + field.offset
        if isinstance(field, Record):
            return field.filled(arena).ctypes.data
        return field.ctypes.data if isinstance(field, np.ndarray) else field


class Plan:
    """Steps of a pass, in order, and then the memory to run them.

    Attributes:
        images: pictures of a mini-batch.
    """

    def __init__(self, images: int) -> None:
        self.images = images
        self._values: list[Value] = []
        self._steps: list[tuple[Operation, Record, int] | Callable[[], None]] = []
        self._scratch_bytes = 0
        self._arena = aligned_bytes(0)
        self._cuts: list[int] = []
        self._kept: list[Value] = []

    def value(self, shape: Shape, *, blocked: bool = True) -> Value:
        """A new array for all images."""
        value = Value(shape, self.images, blocked)
        self._values.append(value)
        return value

    def bytes(self, count: int) -> Bytes:
        """New bytes."""
        value = Bytes(count)
        self._values.append(value)
        return value

    def operate(self, operation: Operation, chunks: int, record: Record, scratch_bytes: int = 0) -> None:
        """Add a compiled operation."""
        for value in record.values():
            value.used_at(len(self._steps))
        self._scratch_bytes = max(self._scratch_bytes, scratch_bytes)
        self._steps.append((operation, record, chunks))

    def call(self, function: Callable[[], None], *values: Value) -> None:
        """Add a Python function, which reads or writes these values through `view`."""
        for value in values:
            value.used_at(len(self._steps))
        self._steps.append(function)

    def keep(self, value: Value) -> None:
        """The value is wanted when all is done."""
        self._kept.append(value)

    def cut(self) -> None:
        """What comes next is another part; see `finish`."""
        self._cuts.append(len(self._steps))

    def finish(self) -> list[Part]:
        """Give all values their places; the steps up to each cut, and those behind the last."""
        for value in self._kept:
            value.used_at(len(self._steps))
        for value in self._values:
            if value.first < 0:
                value.used_at(0)
        self._arena = aligned_bytes(place(self._values))
        self._arena[:] = 0  # what lies in unused lanes meets zeros, and must not be NaN
        bounds = [0, *self._cuts, len(self._steps)]
        return [Part(self._parts(first, last)) for first, last in pairwise(bounds)]

    @property
    def arena_bytes(self) -> int:
        """Bytes of all values together."""
        return len(self._arena)

    def view(self, value: Value) -> np.ndarray:
        """A value in the arena: (n, *shape), or (n, blocks, pixels, 16) where it is blocked."""
        return value.view(self._arena)

    def _parts(self, first: int, last: int) -> list[Job | Callable[[], None]]:
        """Neighbouring operations become one job, so that threads meet only where Python has to act."""
        parts: list[Job | Callable[[], None]] = []
        waiting: list[tuple[Operation, np.ndarray, int]] = []
        for step in self._steps[first:last]:
            if isinstance(step, tuple):
                operation, record, chunks = step
                waiting.append((operation, record.filled(self._arena.ctypes.data), chunks))
                continue
            if waiting:
                parts.append(Job(waiting, self._scratch_bytes))
                waiting = []
            parts.append(step)
        if waiting:
            parts.append(Job(waiting, self._scratch_bytes))
        return parts


class Part:
    """Some steps of a pass, to be run again and again."""

    def __init__(self, steps: list[Job | Callable[[], None]]) -> None:
        self._steps = steps

    def run(self, team: Team, scratch: Scratch) -> None:
        """Run all."""
        for step in self._steps:
            if isinstance(step, Job):
                team.run(step, scratch)
            else:
                step()
