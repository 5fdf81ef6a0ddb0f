"""Passes through whole networks: gradients against central differences in float64, and who takes part."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.errors import TrainingError
from darknetpy.graph import Graph, build_graph, initial_weights
from darknetpy.training.passes import Pass, frozen_layers, loss_layers, owner_of

pytestmark = pytest.mark.quick
NET = "[net]\nwidth=6\nheight=6\nchannels=2\n"
CONVOLUTIONAL = "[convolutional]\nfilters=3\nsize=3\npad=1\nactivation=mish\n"
BRANCHES = (
    NET + CONVOLUTIONAL + "[dropout]\nprobability=0.3\n" + CONVOLUTIONAL + "share_index=0\n"
    "[shortcut]\nfrom=-3\nactivation=swish\n[route]\nlayers=-1,0\n"
    + CONVOLUTIONAL + "batch_normalize=1\n[avgpool]\n[connected]\noutput=4\nactivation=linear\n[softmax]\n"
).replace("channels=2", "channels=3")  # fmt: skip


def network(text: str) -> Graph:
    graph = build_graph(parse_cfg(text))
    initial_weights(graph, 3)
    for node in graph.nodes:
        for name, array in node.weights.items():
            node.weights[name] = array.astype(np.float64)
    return graph


def passed(graph: Graph, frozen: set[int] | None = None) -> Pass:
    random = np.random.default_rng(8)
    one, classes = Pass(graph, frozen or set()), int(np.prod(graph.nodes[-1].output_shape))
    batch = random.standard_normal((3, *graph.input_shape))
    one.forward(batch, np.eye(classes)[random.integers(0, classes, 3)], random=np.random.default_rng(4))
    one.backward()
    return one


def test_gradients_of_a_network_with_branches_are_those_of_central_differences() -> None:
    graph = network(BRANCHES)
    one, step = passed(graph), 1e-5
    assert set(one.gradients) == {0, 5, 7}, "the shared arrays are those of layer 0"
    for index, gradients in one.gradients.items():
        for name, gradient in gradients.items():
            values = graph.nodes[index].weights[name].reshape(-1)
            for place in np.random.default_rng(1).permutation(values.size)[:6]:
                kept = values[place]
                values[place] = kept + step
                above = passed(graph).loss
                values[place] = kept - step
                below = passed(graph).loss
                values[place] = kept
                assert gradient.reshape(-1)[place] == pytest.approx((above - below) / (2 * step), rel=1e-5, abs=1e-7)


def test_what_follows_a_dropout_sees_dropped_values_also_past_it() -> None:
    graph = network(NET + CONVOLUTIONAL + "[dropout]\nprobability=0.5\n[route]\nlayers=0\n[cost]\n")
    one = passed_by_cost(graph)
    assert (one.outputs[1] == 0).any()
    assert not (one.outputs[0] == 0).any()
    np.testing.assert_array_equal(one.outputs[2], one.outputs[1])


def passed_by_cost(graph: Graph, frozen: set[int] | None = None) -> Pass:
    random, one = np.random.default_rng(8), Pass(graph, frozen or set())
    batch = random.standard_normal((3, *graph.input_shape))
    one.forward(batch, np.zeros((3, *graph.nodes[-1].output_shape)), random=np.random.default_rng(4))
    one.backward()
    return one


def test_the_input_has_a_gradient_too() -> None:
    one = passed(network(BRANCHES))
    assert one.by_input is not None
    assert one.by_input.any()
    assert one.pictures == 3


def test_frozen_layers_have_no_gradients() -> None:
    text = NET + CONVOLUTIONAL + CONVOLUTIONAL + "batch_normalize=1\nstopbackward=1\n" + CONVOLUTIONAL + "[cost]\n"
    graph = network(text)
    assert frozen_layers(graph) == {0, 1}
    one = passed_by_cost(graph, frozen_layers(graph))
    assert set(one.gradients) == {2}
    assert not list(one.statistics())
    assert one.by_input is None


@pytest.mark.parametrize(("value", "iteration", "frozen"), [(0, 1, 0), (1, 1, 2), (1, 99, 2), (9, 8, 2), (9, 9, 0)])
def test_a_stop_above_1_ends_at_that_update(value: int, iteration: int, frozen: int) -> None:
    graph = network(NET + CONVOLUTIONAL + CONVOLUTIONAL + f"stopbackward={value}\n[cost]\n")
    assert frozen_layers(graph, iteration) == set(range(frozen))


def test_no_gradient_passes_a_layer_that_only_runs_forward() -> None:
    graph = network(NET + CONVOLUTIONAL + CONVOLUTIONAL + "onlyforward=1\n" + CONVOLUTIONAL + "[cost]\n")
    assert set(passed_by_cost(graph).gradients) == {2}


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("[softmax]\n", [1]),
        ("[softmax]\nnoloss=1\n[cost]\n", [1]),
        ("[softmax]\n[cost]\n", [1]),
        ("[cost]\n", [1]),
        ("[logistic]\n", [1]),
        ("[softmax]\n" + CONVOLUTIONAL.replace("[conv", "[route]\nlayers=0\n[conv") + "[cost]\n", [1, 4]),
    ],
)  # fmt: skip
def test_layers_whose_losses_count(end: str, expected: list[int]) -> None:
    assert loss_layers(network(NET + CONVOLUTIONAL + end)) == expected


@pytest.mark.parametrize("end", ["", "[softmax]\nnoloss=1\n"])
def test_a_network_without_a_loss_is_refused(end: str) -> None:
    with pytest.raises(TrainingError, match="no layer with a loss"):
        loss_layers(network(NET + CONVOLUTIONAL + end))


def test_several_losses_are_averaged() -> None:
    graph = network(NET + CONVOLUTIONAL + "[cost]\n[route]\nlayers=0\n" + "[cost]\n")
    one = Pass(graph)
    batch, random = np.random.default_rng(1).standard_normal((2, 2, 6, 6)), np.random.default_rng(0)
    one.forward(batch, {1: np.zeros((2, 3, 6, 6)), 3: np.ones((2, 3, 6, 6))}, random=random)
    assert one.loss == pytest.approx((one.losses[1] + one.losses[3]) / 2)
    assert one.losses[1] != one.losses[3]


def test_arrays_belong_to_the_first_layer_in_a_chain_of_shares() -> None:
    graph = network(BRANCHES)
    assert [owner_of(graph, index) for index in range(4)] == [0, 1, 0, 3]
