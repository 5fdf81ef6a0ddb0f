"""Passes of training by compiled kernels, with the face of `darknetpy.training.passes.Pass`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np

from darknetpy.engine.threads import Scratch, Team, available_cores
from darknetpy.graph import Graph
from darknetpy.kernels.available import obstacle
from darknetpy.layers.base import Shape
from darknetpy.training.fast.lowering import is_fast
from darknetpy.training.fast.program import TrainingProgram
from darknetpy.training.passes import Gradients, loss_layers, owner_of

_Key = tuple[int, frozenset[int], Shape]
MOST_PROGRAMS = 4
"""Sizes of mini-batches, or sets of frozen layers, whose programs are kept."""


def is_suitable(graph: Graph) -> bool:
    """Whether kernels can run the passes of a network, and some of its layers have a fast form.

    Recurrent layers and shared arrays run plainly, and so do arrays that are not float32.
    """
    if obstacle() or graph.recurrent_layers or not any(is_fast(node) for node in graph.nodes):
        return False
    shared = any(node.layer.shares_arrays_of() is not None for node in graph.nodes)
    return not shared and has_plain_floats(graph)


def has_plain_floats(graph: Graph) -> bool:
    """Whether all arrays of a network are float32, without gaps."""
    arrays = (node.weights[array.name] for node in graph.nodes for array in node.arrays)
    return all(array.dtype == np.float32 and array.flags.c_contiguous for array in arrays)


class FastPasses:
    """Makes the passes of one network, and keeps the programs and the threads that run them.

    Args:
        graph: see `is_suitable`.
        threads: that compute; by default one for each core.
    """

    def __init__(self, graph: Graph, threads: int | None = None) -> None:
        self.graph = graph
        self.team, self.scratch = Team(threads or available_cores()), Scratch()
        self._programs: dict[_Key, TrainingProgram] = {}
        self._packed: set[_Key] = set()  # the programs that have the filters as they are now
        self._summing: _Key | None = None  # the program in which the gradients of all passes are added up

    def new(
        self, images: int, frozen: Collection[int], *, repack: bool, adding: bool, graph: Graph | None = None
    ) -> FastPass:
        """A pass of so many pictures.

        Args:
            images: pictures, or rows. frozen: layers that stay as they are.
            repack: whether filters have changed since the pass before.
            adding: whether the gradients may be added to those of the pass before; they are where all passes since one
                that was not ``adding`` are of one size, see `FastPass.summed`.
            graph: the same network for pictures of another size; programs for one size at a time are kept.
        """
        graph = graph or self.graph
        key = images, frozenset(frozen), graph.input_shape
        if key not in self._programs:
            self._programs = {one: program for one, program in self._programs.items() if one[2] == graph.input_shape}
            if len(self._programs) == MOST_PROGRAMS:
                del self._programs[next(iter(self._programs))]
            self._programs[key] = TrainingProgram(graph, images, frozen, loss_layers(graph))
            self._packed.discard(key)
        if repack:
            self._packed.clear()
        if not adding:
            self._summing = key
        elif self._summing != key:
            self._summing = None  # each pass has its own gradients then, until the next ones begin anew
        packed = key in self._packed
        self._packed.add(key)
        return FastPass(self, self._programs[key], repack=not packed, adding=adding and self._summing == key)


class FastPass:
    """A mini-batch on its way through a network. What it gives is good until the next pass.

    Attributes:
        outputs: of the last layer only, (n, *shape).
        losses, gradients, pictures: as of `Pass`.
        summed: (index of a layer, name) of gradients that the passes before are in, where ``adding``.
    """

    def __init__(self, passes: FastPasses, program: TrainingProgram, *, repack: bool, adding: bool) -> None:
        self.graph = passes.graph
        self._passes, self._program, self._repack, self._adding = passes, program, repack, adding
        self.outputs: dict[int, np.ndarray] = {}
        self.losses: dict[int, float] = {}
        self.gradients: Gradients = {}
        self.summed: set[tuple[int, str]] = set()
        self.pictures = 0

    def forward(
        self, batch: np.ndarray, truth: np.ndarray | Mapping[int, np.ndarray], *, random: np.random.Generator
    ) -> None:
        """Run all layers; see `Pass.forward`."""
        self.pictures = len(batch)
        truths = dict.fromkeys(self._program.losses, truth) if isinstance(truth, np.ndarray) else truth
        passes = self._passes
        self._program.forward(batch, truths, random, passes.team, passes.scratch, repack=self._repack)
        self.outputs = {self.graph.output_index: self._program.result}
        self.losses = {i: tape.loss for i, tape in self._program.tapes.items() if tape.loss is not None}

    def backward(self) -> None:
        """Go back through all layers that are not frozen."""
        self._program.backward(self._passes.team, self._passes.scratch, adding=self._adding)
        for index, name, gradient in self._program.gradients():
            self.gradients.setdefault(index, {})[name] = gradient
            if self._adding:
                self.summed.add((index, name))
        for index, tape in self._program.tapes.items():
            if tape.gradients:
                self.gradients.setdefault(owner_of(self.graph, index), {}).update(tape.gradients)

    def statistics(self) -> Iterator[tuple[int, str, np.ndarray]]:
        """What the mini-batch says of arrays that are not trained; see `Pass.statistics`."""
        yield from self._program.statistics()
        for index, tape in self._program.tapes.items():
            for name, seen in tape.statistics.items():
                yield from ((index, name, value) for value in seen)

    def looks_sound(self) -> bool:
        """Whether losses, statistics and gradients are finite, and gradients below some 1e19."""
        small = [gradient for tape in self._program.tapes.values() for gradient in tape.gradients.values()]
        small += [seen for tape in self._program.tapes.values() for some in tape.statistics.values() for seen in some]
        sound = all(bool(np.isfinite(array).all()) for array in small)
        return sound and bool(np.isfinite(list(self.losses.values())).all()) and self._program.looks_finite()
