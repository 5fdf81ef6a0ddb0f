"""The engine held against the definition: every layer's output beside that of the plain form in float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from darknetpy.engine.memory import Shape
from darknetpy.engine.program import Program


@dataclass(frozen=True)
class LayerDifference:
    """How far a layer's output in the engine is from the plain form's, both run from the network's input.

    ``largest`` is the largest absolute difference, infinite where only one of the two is a number; ``relative`` is that
    against the largest value of the plain form.
    """

    index: int
    type: str
    output_shape: Shape
    largest: float
    relative: float


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
    for index, expected in graph.outputs(batch.astype(np.float64)):
        node = graph.nodes[index]
        largest, relative = difference(found.pop(index), expected)
        differences.append(LayerDifference(index, node.type, node.output_shape, largest, relative))
        if index in answers:
            kept[index] = expected
    return differences, kept


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
