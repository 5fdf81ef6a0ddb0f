"""A program: a graph lowered to fused kernels, for any batch size and, where layers allow it, any size of picture."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from darknetpy.engine.choose import Choices, Choose
from darknetpy.engine.concatenations import find_parts
from darknetpy.engine.connected import PackedConnection
from darknetpy.engine.lower import lower
from darknetpy.engine.packing import pack_layers
from darknetpy.engine.plan import Plan, Results, Workspace
from darknetpy.engine.shortcuts import adding_groups
from darknetpy.engine.sums import find_sums
from darknetpy.engine.threads import Team, available_cores
from darknetpy.errors import DarknetpyError
from darknetpy.graph import INPUT, Graph, State
from darknetpy.kernels.available import obstacle

PLANS_KEPT = 8
ARENA_BYTES = 6 << 20  # of values of the pictures that a thread computes together
LIGHT_CONNECTIONS = 8 << 20  # bytes of fully connected weights; heavier ones are read once for the whole batch


class Program:
    """Runs a graph fast. Can be called from several threads at once.

    Weights are packed once, here; those of `packed_layers` are not looked at again. Memory for a run (the values still
    needed, planned by lifetime) is kept for the next run of the same kind.

    Args:
        graph: with the weights of all layers loaded.
        threads: how many threads compute; by default one for each core that this process may use.
        choose: decides which kernel a convolution gets, from its shape; or names of kernels by layer. By default
            `darknetpy.engine.choose.choose_kernel` decides. ``choices`` tells what was decided, and why.

    Raises DarknetpyError where vectors cannot be compiled, see `darknetpy.kernels.available`.

    >>> program = Program(graph, threads=2)
    >>> program.run(np.zeros((1, 1, 28, 28), np.float32), [graph.output_index])[graph.output_index].shape
    (1, 10)
    """

    def __init__(
        self, graph: Graph, threads: int | None = None, choose: Choose | Mapping[int, str] | None = None
    ) -> None:
        if obstacle():
            raise DarknetpyError(obstacle(), "a CPU and a compiler for vectors", "Run the plain form: engine=False")
        self.graph = graph
        self.threads = threads or available_cores()
        self.choices = Choices(choose)
        self._packed = pack_layers(graph, self.choices, self.threads)
        self.choices.check_named()
        connections = (packed for packed in self._packed.values() if isinstance(packed, PackedConnection))
        self._connected_bytes = sum(packed.weights.nbytes for packed in connections)
        self._team, self._alone = Team(self.threads), Team(1)
        self._plans: dict[tuple[tuple[int, ...], frozenset[int], int], Plan] = {}
        self._idle: list[Workspace] = []

    @property
    def packed_layers(self) -> frozenset[int]:
        """Indexes of layers whose own arrays the program does not need any more."""
        return frozenset(self._packed)

    def run(self, batch: np.ndarray, wanted: Iterable[int], state: State | None = None) -> Results:
        """The outputs of the wanted layers.

        Args:
            batch: (n, *input_shape) float32; another height and width work where the layers allow them.
            wanted: indexes of layers.
            state: what recurrent layers remember, from ``new_state`` of the graph; it is changed. Without one every
                row is the first step of a sequence.

        Returns:
            Layer index -> a new array (n, *output_shape), float32.

        Each thread computes pictures of its own where there are enough of them, see `pictures_for_a_thread`.
        """
        wanted = frozenset(wanted)
        part = (
            0 if state is not None else self.pictures_for_a_thread(batch.shape, wanted)
        )  # a state is for a whole batch
        if not part:
            return self._run(batch, wanted, state, self._team)
        parts = [batch[first : first + part] for first in range(0, len(batch), part)]
        together = len(parts) // self.threads * self.threads
        self.plan(parts[0].shape, wanted, 1)  # once, before several threads ask for it
        found = run_apart(lambda one: self._run(one, wanted, None, self._alone), parts[:together], self.threads)
        if together < len(parts):
            found.append(self._run(batch[together * part :], wanted, None, self._team))
        return {index: np.concatenate([results[index] for results in found]) for index in wanted}

    def pictures_for_a_thread(self, shape: tuple[int, ...], wanted: frozenset[int]) -> int:
        """How many pictures of a batch of this shape a thread computes alone, before it takes the next; 0 for none.

        Threads that share every picture pass its values from core to core. But with one thread, with fewer pictures
        than threads, with recurrent layers, which see the steps of a call together, and with heavy fully connected
        layers, whose weights are read once for a batch, all threads compute all pictures together.
        """
        heavy = self._connected_bytes > LIGHT_CONNECTIONS
        if heavy or self.graph.recurrent_layers or not 1 < self.threads <= shape[0]:
            return 0
        fitting = ARENA_BYTES // self.plan((1, *shape[1:]), wanted).arena_bytes
        return max(1, min(fitting, shape[0] // self.threads))

    def _run(self, batch: np.ndarray, wanted: frozenset[int], state: State | None, team: Team) -> Results:
        """The outputs for pictures that are computed together, by the threads of a team."""
        memory = self.graph.new_state() if state is None else state
        with memory.going_on(self.graph.recurrent_layers, batch.shape) as states:
            workspace = self._workspace(self.plan(batch.shape, wanted, team.threads))
            results = workspace.run(batch, team, states)
        self._idle.append(workspace)
        return results

    def _workspace(self, plan: Plan) -> Workspace:
        """Memory for a run: one that lies idle, or a new one.

        Besides those of the latest kind one of another is kept: the end of a large batch may have fewer pictures.
        """
        others: list[Workspace] = []
        workspace = None
        while workspace is None:
            try:
                idle = self._idle.pop()
            except IndexError:
                workspace = Workspace(plan)
            else:
                workspace = idle if idle.plan is plan else None
                others += [idle] if workspace is None else []
        self._idle.extend(others[:1])
        return workspace

    def plan(self, shape: tuple[int, ...], wanted: Iterable[int], threads: int | None = None) -> Plan:
        """The steps for a batch of this shape (n, *input_shape) and these outputs; made once.

        ``threads`` is how many are to share the work, by default all.
        """
        kind = (shape, frozenset(wanted), threads or self.threads)
        plan = self._plans.get(kind)
        if plan is None:
            plan = self._lowered(*kind)
            if len(self._plans) >= PLANS_KEPT:
                self._plans = {}
            self._plans[kind] = plan
        return plan

    def _lowered(self, shape: tuple[int, ...], wanted: frozenset[int], threads: int) -> Plan:
        """The steps from the input to the wanted outputs, and to recurrent layers, which go on in every call.

        Layers that none of these depends on are left out.
        """
        graph = self.graph if shape[1:] == self.graph.input_shape else self.graph.resized(*shape[2:])
        needed = needed_layers(graph, {*wanted, *(layer.index for layer in graph.recurrent_layers)})
        parts = find_parts(graph, needed)
        sums = find_sums(graph, needed, wanted, adding_groups(self._packed), parts)
        plan = Plan(graph, shape[0], self._packed, threads, parts, sums)
        for node in graph.nodes:
            plan.layer = node.index
            if node.index in needed:
                lower(plan, node)
            if node.index in wanted:
                plan.keep(node)
        plan.finish()
        return plan


def run_apart(run: Callable[[np.ndarray], Results], parts: list[np.ndarray], threads: int) -> list[Results]:
    """The results of all parts, in order; each of the threads, the caller's among them, takes one after the other.

    Raises what a part raises, when all threads have ended.
    """
    found: list[Results] = [{} for _ in parts]
    problems: list[BaseException] = []
    waiting = iter(range(len(parts)))  # a step of it is one for all threads: the interpreter's lock sees to that

    def work() -> None:
        try:
            for number in waiting:
                found[number] = run(parts[number])
        except BaseException as problem:  # Ctrl-C reaches the caller's thread, too
            problems.append(problem)
            for _ in waiting:  # nobody begins another part
                pass

    others = [threading.Thread(target=work, name="darknetpy-apart") for _ in range(threads - 1)]
    for thread in others:
        thread.start()
    work()
    for thread in others:
        thread.join()
    if problems:
        raise problems[0]
    return found


def needed_layers(graph: Graph, wanted: Iterable[int]) -> set[int]:
    """The wanted layers and all that they depend on."""
    needed = set(wanted)
    for node in reversed(graph.nodes):
        if node.index in needed:
            needed.update(source for source in node.sources if source != INPUT)
    return needed
