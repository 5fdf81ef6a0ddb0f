"""Where the time goes: a network timed as a whole and step by step, beside what the machine can do at most.

Each layer has two bounds: its operations at the highest rate of multiply-adds, and its bytes (inputs, outputs and
weights once each, as if nothing stayed in a cache) at the rate at which memory is read. The larger of the two times is
the layer's bound (Williams, Waterman and Patterson 2009, "Roofline"). Operations are those of the layer's definition:
a kernel that gets by with fewer can be faster than its bound.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from darknetpy.engine.memory import FLOAT_BYTES, Shape, aligned_zeros
from darknetpy.engine.plan import CallStep, OperationStep, Run, Workspace
from darknetpy.engine.program import Program
from darknetpy.engine.threads import Job, Scratch, Team
from darknetpy.graph import Node
from darknetpy.kernels.operations import Operation
from darknetpy.kernels.peak import FLOPS_EACH, chains, multiply_add, read_lines
from darknetpy.kernels.simd import LANES, LINE

PEAK_TURNS = 100_000  # of each chain in a chunk: some 0.3 ms
PEAK_CHUNKS = 16  # a thread; many, so that a thread that is held up a little leaves more to the others
READ_BYTES = 128 * 2**20  # more than caches hold
READ_CHUNKS = 64
PEAK_RUNS = 10


@dataclass(frozen=True)
class Machine:
    """What so many threads can do at most, measured: operations and bytes read from memory, each a second."""

    threads: int
    flops: float
    bytes: float

    def bound_by(self, flops: float, size: float) -> str:
        """What takes longer at these rates: ``"FLOPs"`` or ``"bytes"``."""
        return "FLOPs" if flops / self.flops >= size / self.bytes else "bytes"


@dataclass(frozen=True)
class LayerTime:
    """One layer in a run of a batch.

    ``kernels`` are the names of its steps, in order; empty where another layer's kernel does its work as well, or where
    there is nothing to do. ``flops`` and ``bytes`` are those of the definition, for the whole batch.
    """

    index: int
    type: str
    output_shape: Shape
    kernels: tuple[str, ...]
    seconds: float
    flops: int
    bytes: int


class SteppedWorkspace(Workspace):
    """Memory for a run in which every step ends before the next one begins, so that each can be timed."""

    def _jobs_and_calls(self) -> Iterable[Job | CallStep]:
        for step in self.plan.steps:
            if isinstance(step, OperationStep):
                yield Job([(step.operation, self._placed(step), step.chunks)], self.plan.scratch_bytes)
            else:
                yield step

    def time_steps(self, batch: np.ndarray, team: Team) -> list[float]:
        """Seconds of each step of the plan, for a batch (n, *input_shape) that is the first of its sequence."""
        graph = self.plan.graph
        batch = self.take_input(batch)
        seconds = []
        with graph.new_state().going_on(graph.recurrent_layers, batch.shape) as states:
            run = Run({}, states)
            for part in self._parts:
                start = time.perf_counter()
                if isinstance(part, Job):
                    team.run(part, self._scratch)
                else:
                    part.function(self._arena, run)
                seconds.append(time.perf_counter() - start)
        return seconds


def time_layers(program: Program, batch: np.ndarray, runs: int) -> list[LayerTime]:
    """Each layer's time in a run of a batch: medians of ``runs`` runs, after one that is not timed.

    The sum is more than the time of a whole run: between steps that are timed all threads must meet.
    """
    plan = program.plan(batch.shape, [program.graph.output_index])
    workspace, team = SteppedWorkspace(plan), Team(program.threads)
    workspace.time_steps(batch, team)
    of_steps = np.median([workspace.time_steps(batch, team) for _ in range(runs)], axis=0)
    layers = []
    for node in plan.graph.nodes:
        own = [number for number, owner in enumerate(plan.owners) if owner == node.index]
        layers.append(
            LayerTime(
                node.index,
                node.type,
                node.output_shape,
                tuple(_kernel(plan.steps[number]) for number in own),
                float(sum(of_steps[number] for number in own)),
                len(batch) * node.flops,
                least_bytes(node, len(batch)),
            )
        )
    return layers


def _kernel(step: OperationStep | CallStep) -> str:
    """The name of a step: that of its operation, or of its function in Python."""
    return step.operation.__name__ if isinstance(step, OperationStep) else f"Python: {step.function.__name__}"


def least_bytes(node: Node, images: int) -> int:
    """Bytes that a layer must read and write: inputs and outputs of all pictures, weights once, float32."""
    values = math.prod(node.output_shape) + sum(math.prod(shape) for shape in node.input_shapes)
    return FLOAT_BYTES * (images * values + node.parameters)


def time_whole(run: Callable[[], object], runs: int) -> list[float]:
    """Seconds of each of ``runs`` calls; before each of them one that is not timed, so that caches are as in use."""
    seconds = []
    for _ in range(runs):
        run()
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return seconds


def measure_machine(threads: int) -> Machine:
    """The highest rates of so many threads together, the best of a few short runs."""
    team = Team(threads)
    multiplying = np.zeros(1, multiply_add.record)
    factors = aligned_zeros(2 * LANES)
    factors[:] = 0.5  # sums stay near 1
    multiplying["factors"], multiplying["turns"] = factors.ctypes.data, PEAK_TURNS
    chunks = PEAK_CHUNKS * threads
    flops = chunks * PEAK_TURNS * chains() * FLOPS_EACH / _least_seconds(team, multiply_add, multiplying, chunks)
    reading = np.zeros(1, read_lines.record)
    source = aligned_zeros(READ_BYTES // FLOAT_BYTES)  # written, so that the pages are there
    reading["source"], reading["lines"] = source.ctypes.data, READ_BYTES // READ_CHUNKS // LINE
    return Machine(threads, flops, READ_BYTES / _least_seconds(team, read_lines, reading, READ_CHUNKS))


def _least_seconds(team: Team, operation: Operation, record: np.ndarray, chunks: int) -> float:
    job, scratch = Job([(operation, record, chunks)], LINE), Scratch()
    return min(time_whole(lambda: team.run(job, scratch), PEAK_RUNS))
