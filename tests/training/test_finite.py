"""Numbers that are no numbers: found at the layer where they begin, or replaced."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.errors import TrainingError
from darknetpy.graph import Graph, build_graph, initial_weights
from darknetpy.training.finite import check_finite, replace_bad_gradients
from darknetpy.training.passes import Pass

pytestmark = pytest.mark.quick
TEXT = """
[net]
width=3
height=3
channels=1
[convolutional]
filters=2
batch_normalize=1
activation=linear
[convolutional]
filters=2
activation=linear
[cost]
"""


def passed(graph: Graph | None = None, batch: np.ndarray | None = None) -> tuple[Pass, np.ndarray]:
    if graph is None:
        graph = build_graph(parse_cfg(TEXT, "net.cfg"))
        initial_weights(graph)
    batch = np.random.default_rng(0).random((2, 1, 3, 3)).astype(np.float32) if batch is None else batch
    one = Pass(graph)
    with np.errstate(all="ignore"):
        one.forward(batch, np.zeros((2, 2, 3, 3), np.float32), random=np.random.default_rng(0))
        one.backward()
    return one, batch


def test_finite_numbers_pass() -> None:
    check_finite(*passed(), 3)


def test_a_bad_picture_is_told_from_a_bad_layer() -> None:
    one, batch = passed(batch=np.full((2, 1, 3, 3), np.nan, np.float32))
    with pytest.raises(TrainingError, match="a value of the input is nan in iteration 3"):
        check_finite(one, batch, 3)


@pytest.mark.parametrize("layer", [0, 1])
def test_the_first_layer_with_a_bad_output_is_named(layer: int) -> None:
    graph = passed()[0].graph
    graph.nodes[layer].weights["biases"][1] = np.inf
    with pytest.raises(TrainingError, match=rf"layer {layer}: an output value is inf in iteration 3") as caught:
        check_finite(*passed(graph), 3)
    assert (caught.value.layer, caught.value.section) == (layer, "convolutional")
    assert "learning_rate" in caught.value.remedy


def test_a_bad_statistic_is_found_though_the_loss_is_finite() -> None:
    graph = passed()[0].graph
    graph.nodes[0].weights["weights"][...] = 3e30
    one, batch = passed(graph)
    assert np.isfinite(one.loss)
    with pytest.raises(TrainingError, match="layer 0: the variance of a channel is inf"):
        check_finite(one, batch, 3)


def test_a_loss_that_is_too_large_is_that_of_its_layer() -> None:
    graph = passed()[0].graph
    graph.nodes[1].weights["biases"][...] = 1e30
    with pytest.raises(TrainingError, match=r"\[cost\] layer 2: the loss is inf"):
        check_finite(*passed(graph), 3)


def test_a_bad_gradient_is_found() -> None:
    one, batch = passed()
    one.gradients[0]["scales"][1] = -np.inf
    with pytest.raises(TrainingError, match="layer 0: the gradient of scales is -inf in iteration 3"):
        check_finite(one, batch, 3)


def test_replacing_counts_values_and_forgets_statistics() -> None:
    one, batch = passed()
    kept = one.gradients[0]["weights"].copy()
    one.gradients[0]["weights"].flat[0] = np.nan
    one.gradients[1]["biases"][:] = np.inf
    one.tapes[0].statistics["rolling_mean"] = [np.array([1.0, np.nan])]
    assert replace_bad_gradients(one) == 3
    assert one.gradients[0]["weights"].flat[0] == 0
    np.testing.assert_array_equal(one.gradients[0]["weights"].flat[1:], kept.flat[1:])
    assert not one.gradients[1]["biases"].any()
    assert [name for _, name, _ in one.statistics()] == ["rolling_variance"]
    check_finite(one, batch, 3)
