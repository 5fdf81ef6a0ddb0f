"""The engine held against the definition: every layer's output beside that of the plain form in float64."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from darknetpy.engine.memory import Shape
from darknetpy.engine.program import Program
from darknetpy.graph import INPUT, Graph

HARDLY = 8  # the engine adds in another order, and Winograd's form rounds more: up to 4.2 was seen among 82 networks


@dataclass(frozen=True)
class LayerDifference:
    """How far a layer's output in the engine is from that of its definition in float64.

    ``largest`` is the largest absolute difference of what has come up since the network's input, infinite where only
    one of the two is a number; ``relative`` is that against the layer's largest value. ``own`` is the relative
    difference that comes up in the layer alone: the definition gets what the engine gave the layer. ``single`` is what
    ``relative`` would be for the plain form in float32: how much the network magnifies rounding, whoever rounds.
    """

    index: int
    type: str
    output_shape: Shape
    largest: float
    relative: float
    own: float
    single: float

    def keeps(self, limit: float) -> bool:
        """Whether neither difference is above the limit."""
        return max(self.relative, self.own) <= limit

    def is_magnified(self, limit: float) -> bool:
        """Whether it is above the limit because the network magnifies rounding.

        Alone the layer keeps the limit, and the plain form in float32 is hardly nearer.
        """
        return self.own <= limit < self.relative <= HARDLY * self.single


def compare_layers(program: Program, batch: np.ndarray) -> tuple[list[LayerDifference], dict[int, np.ndarray]]:
    """The differences of all layers in order, and the plain outputs of the last layer and of a detector's heads.

    That all outputs are wanted keeps the engine from passing over any of them; see `difference` for comparing what it
    gives when only the answer is wanted.

    Args:
        program: of the network, weights included.
        batch: (n, *input_shape) float32.
    """
    graph = program.graph
    found = program.run(batch, range(len(graph.nodes)))
    answers = {graph.output_index, *graph.heads}
    differences, kept = [], {}
    runs = graph.outputs(batch.astype(np.float64)), graph.outputs(batch), _outputs_alone(graph, batch, found)
    for (index, expected), (_, rounded), alone in zip(*runs, strict=True):
        node = graph.nodes[index]
        differences.append(
            LayerDifference(
                index,
                node.type,
                node.output_shape,
                *difference(found[index], expected),
                difference(found[index], alone)[1],
                difference(rounded, expected)[1],
            )
        )
        if index in answers:
            kept[index] = expected
    return differences, kept


def _outputs_alone(graph: Graph, batch: np.ndarray, found: Mapping[int, np.ndarray]) -> Iterator[np.ndarray]:
    """Every layer's output by its plain form in float64, from the inputs that it was given in another run."""
    values = {**found, INPUT: batch}
    with graph.new_state().going_on(graph.recurrent_layers, batch.shape) as states:
        for node in graph.nodes:
            yield node.advance([values[source].astype(np.float64) for source in node.sources], states)


def difference(found: np.ndarray, expected: np.ndarray) -> tuple[float, float]:
    """The largest absolute difference, and that against the largest expected value.

    Values that are not numbers agree with the same ones only; beside anything else they differ infinitely.

    >>> difference(np.array([1.0, 2.5]), np.array([1.0, 2.0]))
    (0.5, 0.25)
    """
    with np.errstate(invalid="ignore"):
        distances = np.abs(found - expected)
    distances[(found == expected) | (np.isnan(found) & np.isnan(expected))] = 0
    largest = float(np.nan_to_num(distances, copy=False, nan=np.inf, posinf=np.inf).max())
    scale = float(np.abs(expected[np.isfinite(expected)]).max(initial=0))
    if largest == 0 or scale == 0:
        return largest, 0.0 if largest == 0 else np.inf
    return largest, largest / scale
