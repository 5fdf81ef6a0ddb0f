"""A training pass by compiled kernels: made once for a size of mini-batch, then run again and again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

import numpy as np

from darknetpy.engine.threads import Scratch, Team
from darknetpy.graph import INPUT, Graph
from darknetpy.layers.base import Tape
from darknetpy.training.fast.convolutional import LoweredConvolution
from darknetpy.training.fast.gradients import Gradients
from darknetpy.training.fast.lowered import Lowered, Wiring
from darknetpy.training.fast.lowering import lowered
from darknetpy.training.fast.outputs import Output
from darknetpy.training.fast.plan import Plan
from darknetpy.training.fast.shortcuts import LoweredShortcut


class TrainingProgram:
    """The passes forwards and backwards of one graph, for one size of mini-batch.

    Args:
        graph: with weights, which are read where they are at the beginning of each pass.
        images: pictures of a mini-batch.
        frozen: layers that stay as they are.
        losses: the layers whose losses count.
    """

    def __init__(self, graph: Graph, images: int, frozen: Collection[int], losses: Collection[int]) -> None:
        self.graph, self.images, self.frozen, self.losses = graph, images, frozenset(frozen), frozenset(losses)
        self._plan = Plan(images)
        self._wiring = Wiring(graph, self._plan, self.frozen)
        self._input = self._plan.value(graph.input_shape, blocked=False)
        self._layers: dict[int, Lowered] = {}
        self._make_forward()
        self._plan.keep(self._result)
        self._plan.cut()
        self._make_backward()
        self._forwards, self._backwards = self._plan.finish()
        packing = Plan(images)
        for layer in self._convolutions():
            layer.convolution.filters.pack(packing)
        (self._packing,) = packing.finish()

    # ---- making it ----

    def _convolutions(self) -> Iterator[LoweredConvolution]:
        """Those in fast form."""
        return (layer for layer in self._layers.values() if isinstance(layer, LoweredConvolution))

    def _make_forward(self) -> None:
        outputs = self._wiring.outputs
        outputs[INPUT] = Output(self.graph.input_shape, planar=self._input)
        stands_for: dict[int, int] = {}  # layer -> the [dropout] that changed its values for all that follows
        for node in self.graph.nodes:
            layer = self._layers[node.index] = lowered(node, self._wiring)
            layer.sources = tuple(stands_for.get(source, source) for source in node.sources)
            layer.inputs = [outputs[source] for source in layer.sources]
            outputs[node.index] = layer.forward()
            if node.type == "dropout":
                stands_for.update(dict.fromkeys((*layer.sources, *node.sources), node.index))
        self._result = outputs[self.graph.output_index].as_planar(self._plan)

    def _make_backward(self) -> None:
        readers = self._readers()
        on_the_way = {index for index, count in readers.items() if count} | self.losses
        self._share_sums(readers)
        gradients = Gradients(self._plan)
        for index in sorted(on_the_way):
            output = self._wiring.outputs[index]
            gradients.targets[index] = self._layers[index].target(output, readers[index])
        for index in sorted(on_the_way, reverse=True):
            if not self.graph.nodes[index].options.onlyforward:
                self._layers[index].backward(gradients)

    def _readers(self) -> Counter[int]:
        """How many layers give each layer a share of its gradient."""
        readers: Counter[int] = Counter()
        learning = self._wiring.learning
        for index in sorted(learning, reverse=True):
            if (readers[index] or index in self.losses) and not self.graph.nodes[index].options.onlyforward:
                readers.update(source for source in self._layers[index].sources if source in learning)
        return readers

    def _share_sums(self, readers: Counter[int]) -> None:
        """Where only a sum reads a convolution without activation, both have one gradient; its sums are taken once."""
        for layer in self._layers.values():
            if isinstance(layer, LoweredShortcut):
                for source in layer.passed_on:
                    read = self._layers.get(source)
                    if isinstance(read, LoweredConvolution) and read.is_plain_sum and readers[source] == 1:
                        layer.summed = read.convolution.summed
                        break

    # ---- running it ----

    def forward(
        self, batch: np.ndarray, truths: Mapping[int, np.ndarray], random: np.random.Generator, team: Team,
        scratch: Scratch, *, repack: bool,
    ) -> None:  # fmt: skip
        """Run all layers for a batch (n, *input_shape); ``repack``: whether filters have changed."""
        self._plan.view(self._input)[:] = batch
        self._wiring.tapes.clear()
        self._wiring.new_tape = {
            node.index: Tape(training=node.index not in self.frozen, random=random, truth=truths.get(node.index))
            for node in self.graph.nodes
        }
        for layer in self._convolutions():
            layer.convolution.filters.refresh()
        if repack:
            self._packing.run(team, scratch)
        self._forwards.run(team, scratch)

    def backward(self, team: Team, scratch: Scratch, *, adding: bool) -> None:
        """Go back; ``adding``: gradients of fast layers are added to those of the pass before."""
        for layer in self._convolutions():
            layer.convolution.add_gradients(adding)
        self._backwards.run(team, scratch)

    @property
    def tapes(self) -> Mapping[int, Tape]:
        """Those of the layers that ran plainly."""
        return self._wiring.tapes

    @property
    def result(self) -> np.ndarray:
        """The output of the network, until the next pass."""
        return self._plan.view(self._result)

    @property
    def arena_bytes(self) -> int:
        """Memory for all values of a pass."""
        return self._plan.arena_bytes

    def gradients(self) -> Iterator[tuple[int, str, np.ndarray]]:
        """Index of a layer with a fast form, name of its array, and the gradient, until the next pass."""
        for index, layer in self._layers.items():
            if isinstance(layer, LoweredConvolution) and layer.convolution.went_back:
                yield from ((index, name, value) for name, value in layer.convolution.gradients())

    def statistics(self) -> Iterator[tuple[int, str, np.ndarray]]:
        """Index of a layer with a fast form, name of its rolling statistic, and what this batch says."""
        for index, layer in self._layers.items():
            if isinstance(layer, LoweredConvolution):
                yield from ((index, name, value) for name, value in layer.convolution.seen())

    def looks_finite(self) -> bool:
        """Whether all gradients of fast layers and all statistics are finite."""
        return all(layer.convolution.looks_finite() for layer in self._convolutions())
