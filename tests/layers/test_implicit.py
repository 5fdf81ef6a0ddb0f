"""[implicit] gives its weights."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.graph import build_graph, initial_weights
from tests.layers.workbench import Trials, make_layer, random_input, run

TRIALS: Trials = [("filters=3 atoms=2", [(3, 5, 4)]), ("", [(7,)])]


@pytest.mark.parametrize("shape", [(3, 4, 5), (7,)])
def test_gives_its_weights_for_every_picture(shape: tuple[int, ...]) -> None:
    layer = make_layer("[implicit] filters=5 atoms=3")
    found = run(layer, [random_input(shape, n=4)])
    assert found.shape == (4, 5, 3, 1)
    for picture in found:
        assert np.array_equal(picture.ravel(), layer.weights["weights"].ravel())


def test_has_128_filters_by_default() -> None:
    layer = make_layer("[implicit]")
    assert layer.output_shape([(3, 4, 5)]) == (128, 1, 1)
    assert [(array.name, array.size) for array in layer.arrays([(3, 4, 5)])] == [("weights", 128)]


@pytest.mark.parametrize(("mean", "std"), [(0, 0.2), (1, 0.1), (-2, 0)])
def test_begins_around_its_mean(mean: float, std: float) -> None:
    text = f"[net]\ninputs=4\n[implicit]\nfilters=500\nmean={mean}\nstd={std}\n"
    graph = build_graph(parse_cfg(text))
    initial_weights(graph)
    weights = graph.nodes[0].weights["weights"]
    assert weights.mean() == pytest.approx(mean, abs=0.1 * std)
    assert np.abs(weights - mean).max() <= std * (1 + 1e-5)
    assert weights.std() == pytest.approx(std / 3**0.5, rel=0.1)
