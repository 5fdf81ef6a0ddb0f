"""One pass of training, forwards and backwards, by the plain forms of the layers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from darknetpy.errors import TrainingError
from darknetpy.graph import INPUT, Graph, Node
from darknetpy.layers.base import RecurrentLayer, Tape
from darknetpy.layers.state import State

Gradients = dict[int, dict[str, np.ndarray]]
"""Index of the layer that owns an array -> its name -> the gradient of the loss by it."""


def loss_layers(graph: Graph) -> list[int]:
    """The layers whose losses count.

    A [cost] that reads a [softmax] has none of its own: the softmax has the cross entropy then, whatever ``noloss``
    says. Raises TrainingError where there is none at all.
    """
    indexes = []
    for node in graph.nodes:
        if not node.layer.has_loss:
            continue
        read_by_cost = any(_is_cost_of(other, node) for other in graph.nodes)
        behind_softmax = any(_is_cost_of(node, other) for other in graph.nodes)
        silent = node.type == "softmax" and node.options.noloss and not read_by_cost
        if not behind_softmax and not silent:
            indexes.append(node.index)
    if not indexes:
        raise TrainingError("no layer with a loss", "[softmax], [logistic] or [cost] as the last one", "Add one")
    return indexes


def _is_cost_of(node: Node, other: Node) -> bool:
    return node.type == "cost" and other.type == "softmax" and node.sources == (other.index,)


def frozen_layers(graph: Graph, iteration: int = 1) -> set[int]:
    """The layers that stay as they are: those up to a ``stopbackward``, of 1 always, of more until that iteration."""
    stops = [
        node.index for node in graph.nodes if node.options.stopbackward == 1 or node.options.stopbackward > iteration
    ]
    return set(range(max(stops) + 1)) if stops else set()


def owner_of(graph: Graph, index: int) -> int:
    """The layer whose arrays this one uses: itself, or the one that it shares with."""
    shared = graph.nodes[index].layer.shares_arrays_of()
    return index if shared is None else owner_of(graph, shared)


@dataclass
class Pass:
    """A mini-batch on its way through a network.

    Attributes:
        outputs: of all layers, (n, *shape). A layer with a dropout behind it keeps its own.
        losses: of the layers whose losses count, summed over the pictures.
        gradients: by the arrays, true ones, summed over the pictures; there after `backward`.
        by_outputs: the gradient of the loss by each layer's output; there after `backward`.
        by_input: that by the network's input.
        pictures: rows of the mini-batch.
    """

    graph: Graph
    frozen: Collection[int] = ()
    outputs: dict[int, np.ndarray] = field(default_factory=dict)
    losses: dict[int, float] = field(default_factory=dict)
    gradients: Gradients = field(default_factory=dict)
    by_outputs: dict[int, np.ndarray] = field(default_factory=dict)
    by_input: np.ndarray | None = None
    pictures: int = 0
    tapes: dict[int, Tape] = field(default_factory=dict)
    _sources: dict[int, tuple[int, ...]] = field(default_factory=dict)

    @property
    def loss(self) -> float:
        """The mean over the layers whose losses count, summed over the pictures, as Darknet prints it."""
        return sum(self.losses.values()) / len(self.losses)

    def forward(
        self,
        batch: np.ndarray,
        truth: np.ndarray | Mapping[int, np.ndarray] | None,
        *,
        random: np.random.Generator,
        state: State | None = None,
    ) -> None:
        """Run all layers.

        Args:
            batch: (n, *input_shape), float32 or float64; the whole pass is in this dtype.
            truth: what layers with a loss compare with, (n, ...), for all or by the layer's index; None for a pass
                without a loss.
            random: for dropout and random crops.
            state: what recurrent layers remember from the pass before; it is changed.
        """
        self.pictures = len(batch)
        truths = self._truths(truth)
        memory = state or self.graph.new_state(self.graph.net.time_steps)
        values = {INPUT: batch}
        stands_for: dict[int, int] = {}  # layer -> the [dropout] that changed its values for all that follows
        with memory.going_on(self.graph.recurrent_layers, batch.shape) as states:
            for node in self.graph.nodes:
                sources = tuple(stands_for.get(source, source) for source in node.sources)
                tape = Tape(training=node.index not in self.frozen, random=random, truth=truths.get(node.index))
                inputs = [values[source] for source in sources]
                if isinstance(node.layer, RecurrentLayer):
                    values[node.index] = node.layer.advance(inputs, states[node.index], tape)
                else:
                    values[node.index] = node.layer.forward(inputs, tape)
                self.tapes[node.index], self._sources[node.index] = tape, sources
                if tape.loss is not None:
                    self.losses[node.index] = tape.loss
                if node.type == "dropout":
                    stands_for.update(dict.fromkeys((*sources, *node.sources), node.index))
        self.outputs = {index: output for index, output in values.items() if index != INPUT}

    def _truths(self, truth: np.ndarray | Mapping[int, np.ndarray] | None) -> Mapping[int, np.ndarray]:
        if truth is None:
            return {}
        return dict.fromkeys(loss_layers(self.graph), truth) if isinstance(truth, np.ndarray) else truth

    def backward(self, by_outputs: Mapping[int, np.ndarray] | None = None) -> None:
        """Go back through all layers that are not frozen, from their losses and from the gradients given."""
        arriving = dict(by_outputs or {})
        lowest = max(self.frozen, default=INPUT) + 1
        for node in reversed(self.graph.nodes[lowest:]):
            tape = self.tapes[node.index]
            if node.index not in arriving:
                if tape.truth is None:
                    continue
                arriving[node.index] = np.zeros_like(self.outputs[node.index])
            gradient = arriving.pop(node.index)
            self.by_outputs[node.index] = gradient
            if node.options.onlyforward:
                continue
            by_inputs = node.layer.backward(gradient, tape)
            for source, by_input in zip(self._sources[node.index], by_inputs, strict=True):
                if by_input is not None:
                    known = arriving.get(source)
                    arriving[source] = by_input if known is None else known + by_input
            self._collect(node.index, tape)
        self.by_input = arriving.get(INPUT)

    def statistics(self) -> Iterator[tuple[int, str, np.ndarray]]:
        """What the mini-batch says of arrays that are not trained: index of the layer that owns one, name, value."""
        for index, tape in self.tapes.items():
            for name, seen in tape.statistics.items():
                yield from ((owner_of(self.graph, index), name, value) for value in seen)

    def _collect(self, index: int, tape: Tape) -> None:
        own = self.gradients.setdefault(owner_of(self.graph, index), {}) if tape.gradients else {}
        for name, gradient in tape.gradients.items():
            own[name] = own[name] + gradient if name in own else gradient
