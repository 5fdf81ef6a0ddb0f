"""A plan: the steps that compute the wanted outputs of a graph, for one size of batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from darknetpy.engine.concatenations import NO_PARTS, Parts
from darknetpy.engine.convolutions import Packed
from darknetpy.engine.memory import Part, Value, aligned_bytes, place
from darknetpy.engine.sums import NO_SUMS, Sums
from darknetpy.engine.threads import Job, Scratch, Team
from darknetpy.graph import INPUT, Graph, LayerStates, Node
from darknetpy.kernels.layout import to_blocked, to_planar
from darknetpy.kernels.operations import Operation
from darknetpy.kernels.simd import LANES

PLANAR, BLOCKED = False, True
MOST_KEPT = 4  # wanted outputs that wait to be copied: as many as a detector has heads
Results = dict[int, np.ndarray]
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Run(NamedTuple):
    """What belongs to one run: the wanted outputs so far, and what recurrent layers remember."""

    results: Results
    states: LayerStates


@dataclass(frozen=True)
class OperationStep:
    """A compiled operation, its record and its number of chunks.

    ``places`` are the fields of the record that get addresses in the arena: a value, and bytes to add.
    """

    operation: Operation
    record: np.ndarray
    places: Mapping[str, tuple[Value, int]]
    chunks: int


@dataclass(frozen=True)
class CallStep:
    """A Python function of (arena, run)."""

    function: Callable[[np.ndarray, Run], None]


class Plan:
    """Steps and values in the making, and then for any number of `Workspace` to run.

    ``parts`` says which layers write into a concatenation, see `darknetpy.engine.concatenations`; ``sums`` which
    convolutions add another layer's output to their own, see `darknetpy.engine.sums`.

    Functions in `darknetpy.engine.lower` build it node by node: they ask for inputs with `value`, make outputs with
    `new_value`, and add steps with `operate` and `call`.
    """

    def __init__(
        self, graph: Graph, images: int, packed: Mapping[int, Packed], threads: int, parts: Parts = NO_PARTS,
        sums: Sums = NO_SUMS,
    ) -> None:  # fmt: skip
        self.graph, self.images, self.packed, self.threads = graph, images, packed, threads
        self._parts, self.sums = parts, sums
        self._outputs: dict[int, Value] = {}
        self.steps: list[OperationStep | CallStep] = []
        self.layer = INPUT  # the layer that is being lowered
        self.owners: list[int] = []  # of the steps: the layer for which each is there
        self.scratch_bytes = 0
        self.arena_bytes = 0
        self.input = Value(graph.input_shape, images, PLANAR)
        self._forms: dict[tuple[int, bool], Value] = {(INPUT, PLANAR): self.input}
        self._values: list[Value] = [self.input]
        self._tables: list[np.ndarray] = []
        self._kept: dict[int, Value] = {}
        self.input.used_at(0)
        self.called_with_input = False  # whether a Python function reads the input in the arena

    def value(self, index: int, blocked: bool) -> Value:
        """The output of a node (-1: the input) in the layout asked for; a conversion is added where it is needed."""
        found = self._forms.get((index, blocked))
        if found is None:
            found = self._converted(self._forms[index, not blocked], blocked)
            self._forms[index, blocked] = found
        return found

    def is_blocked(self, index: int) -> bool:
        """Whether a node's output exists in blocked form."""
        return (index, BLOCKED) in self._forms

    def forget(self, node: Node, blocked: bool) -> None:
        """One form of a node's output is out of date."""
        del self._forms[node.index, blocked]

    def new_value(self, shape: tuple[int, ...], blocked: bool) -> Value:
        """A new array in the arena."""
        value = Value(shape, self.images, blocked)
        self._values.append(value)
        return value

    def output(self, node: Node, blocked: bool) -> Value:
        """The array for a node's output; where the node is part of a concatenation, its place there."""
        value = self._blocked_output(node) if blocked else self.new_value(node.output_shape, PLANAR)
        self._forms[node.index, blocked] = value
        return value

    def _blocked_output(self, node: Node) -> Value:
        """The array for a node's blocked output, made when it or the first of its parts is asked for."""
        found = self._outputs.get(node.index)
        if found is None:
            place = self._parts.get(node.index)
            if place is None:
                found = self.new_value(node.output_shape, BLOCKED)
            else:
                whole = self._blocked_output(self.graph.nodes[place.route])
                found = whole.part(place.channel, node.output_shape)
            self._outputs[node.index] = found
        return found

    def put_in_place(self, node: Node, value: Value) -> None:
        """A node's blocked output lies where another's does, which nobody needs any more when it is written."""
        self._outputs[node.index] = self._forms[node.index, BLOCKED] = value

    def has_output(self, node: Node) -> bool:
        """Whether a node's output is there already, made by a layer before it."""
        return (node.index, BLOCKED) in self._forms or (node.index, PLANAR) in self._forms

    def is_part(self, source: int, whole: Value, channel: int) -> bool:
        """Whether a node's blocked output already lies at that channel of another value."""
        value = self._forms[source, BLOCKED]
        return isinstance(value, Part) and value.whole is whole and value.first_block * LANES == channel

    def take_part(self, node: Node, source: int, channel: int) -> None:
        """A node's output is what begins at that channel of another's blocked output."""
        self._forms[node.index, BLOCKED] = self._forms[source, BLOCKED].part(channel, node.output_shape)

    def same_as(self, node: Node, source: int) -> None:
        """A node's output is that of another, in every form."""
        for blocked in (PLANAR, BLOCKED):
            if (source, blocked) in self._forms:
                self._forms[node.index, blocked] = self._forms[source, blocked]

    def operate(
        self, operation: Operation, chunks: int, values: Mapping[str, Value], fields: Mapping[str, float], *,
        offsets: Mapping[str, int] = NOTHING, arrays: Mapping[str, np.ndarray] = NOTHING, scratch_bytes: int = 0,
    ) -> None:  # fmt: skip
        """Add a compiled operation.

        ``values`` fills the fields ``name``, ``name_plane`` and ``name_image`` of its record with a value's address
        and strides; ``offsets`` are bytes added to such an address. ``arrays`` fills fields with the addresses of
        tables, which the plan keeps; ``fields`` fills the others.
        """
        record = np.zeros(1, operation.record)
        for name, number in fields.items():
            record[name] = number
        for name, array in arrays.items():
            record[name] = array.ctypes.data
            self._tables.append(array)
        for name, value in values.items():
            record[f"{name}_plane"], record[f"{name}_image"] = value.plane_bytes, value.image_bytes
        places = {name: (value, offsets.get(name, 0)) for name, value in values.items()}
        self.scratch_bytes = max(self.scratch_bytes, scratch_bytes)
        self._add(OperationStep(operation, record, places, chunks), values.values())

    def writers(self, value: Value) -> list[np.ndarray]:
        """The records of the operations of this layer that write a value."""
        return [step.record for _, step in self._writing(value)]

    def add_at_the_end(self, value: Value, other: Value, slope: float) -> None:
        """Have the operations of this layer that write a value add another to it, as `darknetpy.kernels.sums` says."""
        for number, step in self._writing(value):
            record = step.record
            record["other_plane"], record["other_image"] = other.plane_bytes, other.image_bytes
            record["other_blocks"], record["slope_of_sum"] = other.blocks, slope
            self.steps[number] = replace(step, places={**step.places, "other": (other, 0)})
            other.used_at(number)

    def _writing(self, value: Value) -> list[tuple[int, OperationStep]]:
        """The operations of this layer that write a value, with their numbers."""
        own = [number for number, owner in enumerate(self.owners) if owner == self.layer]
        return [
            (number, step)
            for number in own
            if isinstance(step := self.steps[number], OperationStep)
            and "out" in step.places
            and step.places["out"][0] is value
        ]

    def call(self, function: Callable[[np.ndarray, Run], None], values: Iterable[Value]) -> None:
        """Add a Python function of (arena, run) that reads or writes these values."""
        values = tuple(values)
        self.called_with_input |= self.input in values
        self._add(CallStep(function), values)

    def keep(self, node: Node) -> None:
        """Copy a node's output to the results: at the end of the run, so that threads need not meet for it before.

        With many of them each is copied as soon as it is there, or all would need memory at the same time.
        """
        self._kept[node.index] = self.value(node.index, PLANAR)
        if len(self._kept) >= MOST_KEPT:
            self._copy_kept()

    def _copy_kept(self) -> None:
        """Copy what is waiting to be copied to the results."""
        kept, self._kept = self._kept, {}

        def copy(arena: np.ndarray, run: Run) -> None:
            for index, value in kept.items():
                run.results[index] = value.view(arena).copy()

        if kept:
            self.call(copy, kept.values())

    def finish(self) -> None:
        """Give every value its place."""
        self._copy_kept()
        self.arena_bytes = place(self._values)

    def _add(self, step: OperationStep | CallStep, values: Iterable[Value]) -> None:
        for value in values:
            value.used_at(len(self.steps))
        self.steps.append(step)
        self.owners.append(self.layer)

    def _converted(self, value: Value, blocked: bool) -> Value:
        converted = self.new_value(value.shape, blocked)
        self.operate(
            to_blocked if blocked else to_planar,
            value.images * value.blocks,
            {"source": value, "out": converted},
            {"channels": value.channels, "pixels": value.pixels},
        )
        return converted


class Workspace:
    """Memory for one run of a plan at a time."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._arena = aligned_bytes(plan.arena_bytes)
        self._scratch = Scratch()
        self._readers: list[tuple[np.ndarray, str, int]] = []  # records with the address of the input: field, offset
        self._parts = list(self._jobs_and_calls())

    def _jobs_and_calls(self) -> Iterable[Job | CallStep]:
        """Neighbouring operations become one job, so that threads meet only where Python has to act."""
        waiting: list[tuple[Operation, np.ndarray, int]] = []
        for step in self.plan.steps:
            if isinstance(step, OperationStep):
                waiting.append((step.operation, self._placed(step), step.chunks))
                continue
            if waiting:
                yield Job(waiting, self.plan.scratch_bytes)
                waiting = []
            yield step
        if waiting:
            yield Job(waiting, self.plan.scratch_bytes)

    def _placed(self, step: OperationStep) -> np.ndarray:
        """A step's record with the addresses of this arena."""
        record = step.record.copy()
        for name, (value, offset) in step.places.items():
            record[name] = self._arena.ctypes.data + value.offset + offset
            if value is self.plan.input:
                self._readers.append((record, name, offset))
        return record

    def take_input(self, batch: np.ndarray) -> np.ndarray:
        """Let operations read a batch (n, *input_shape) where it lies, if they can; the array to keep meanwhile."""
        batch = np.ascontiguousarray(batch, np.float32)
        if self.plan.called_with_input:
            self.plan.input.view(self._arena)[:] = batch
        else:
            for record, name, offset in self._readers:
                record[name] = batch.ctypes.data + offset
        return batch

    def run(self, batch: np.ndarray, team: Team, states: LayerStates) -> Results:
        """The wanted outputs for a batch (n, *input_shape); ``states`` go on."""
        batch = self.take_input(batch)
        run = Run({}, states)
        for part in self._parts:
            if isinstance(part, Job):
                team.run(part, self._scratch)
            else:
                part.function(self._arena, run)
        return run.results
