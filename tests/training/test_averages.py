"""The moving average of weights: when it begins, what it holds, when it takes over."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.errors import TrainingError
from darknetpy.graph import Graph, build_graph, initial_weights
from darknetpy.training.averages import MovingAverage

pytestmark = pytest.mark.quick
TEXT = "[net]\nwidth=4\nheight=4\nchannels=1\n[convolutional]\nfilters=2\nbatch_normalize=1\n[cost]\n"


def network() -> Graph:
    graph = build_graph(parse_cfg(TEXT))
    initial_weights(graph)
    return graph


def fill_all(graph: Graph, value: float) -> None:
    for array in graph.nodes[0].weights.values():
        array[...] = value


def test_it_follows_from_half_of_the_updates_and_takes_over_a_thousand_before_the_end() -> None:
    graph = network()
    average = MovingAverage(graph, 0.75, 2006)
    expected = None
    for iteration in range(1, 1010):
        fill_all(graph, iteration)
        average.follow(iteration)
        if iteration < 1003:
            assert not average.arrays
        elif iteration < 1006:
            expected = iteration if expected is None else 0.75 * expected + 0.25 * iteration
            for array in average.arrays.values():
                np.testing.assert_allclose(array, expected, rtol=1e-6)
        elif iteration == 1006:
            weights = graph.nodes[0].weights
            assert {float(weights[name].flat[0]) for name in ("weights", "biases", "scales")} == {expected}
            assert weights["rolling_mean"][0] == iteration
        else:
            assert graph.nodes[0].weights["weights"].flat[0] == iteration


def test_a_short_training_has_no_time_for_it() -> None:
    graph = network()
    average = MovingAverage(graph, 0.75, 2000)
    for iteration in (999, 1000, 1001, 2000):
        average.follow(iteration)
    assert not average.arrays


def test_it_is_saved_and_restored() -> None:
    graph = network()
    average = MovingAverage(graph, 0.5, 4000)
    average.follow(2000)
    saved = average.state()
    fill_all(graph, 7.0)
    average.follow(2001)
    other = MovingAverage(graph, 0.5, 4000)
    other.restore(saved)
    other.follow(2001)
    assert set(other.arrays) == set(average.arrays)
    for place, array in average.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[place])


def test_averages_of_another_network_are_refused() -> None:
    for key, shape in (("0.weights", (3,)), ("1.weights", (2, 1, 1, 1)), ("weights", (1,)), ("0.other", (2,))):
        with pytest.raises(TrainingError, match="averages of"):
            MovingAverage(network(), 0.5, 4000).restore({key: np.zeros(shape, np.float32)})
