"""Iterations of a training: figures, a recorded training of pjreddie's program, the same again, numbers gone bad."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.config.tree import Tree
from darknetpy.dialect import PJREDDIE
from darknetpy.errors import TrainingError
from darknetpy.graph import Graph, build_graph, initial_weights
from darknetpy.training.step import MiniBatch, Saved, Training, pictures_per_update, right_answers

pytestmark = pytest.mark.quick
RECORDED = """
[net]
batch=8
subdivisions=2
width=32
height=32
channels=3
momentum=0.9
decay=0.01
learning_rate=0.05
policy=poly
power=2
max_batches=4
[convolutional]
batch_normalize=1
filters=6
size=3
stride=2
pad=1
activation=leaky
learning_rate=0.5
[avgpool]
[connected]
output=3
activation=tanh
learning_rate=2
[softmax]
"""
LOSSES = (0.868535, 0.810383, 0.765878, 0.751159)
RATES = (0.028125, 0.0125, 0.003125, 0.0)
FINALLY = {
    (0, "biases"): (-0.30516, 0.48893, -0.38932, -0.01761, 0.38041, -0.20037, 0.23392, -0.31219),
    (0, "scales"): (6.34821, 7.19041, 0.71934, 1.09222, 1.48962, 0.90790, 1.34235, 0.79677),
    (0, "rolling_mean"): (-0.05647, 0.41254, -0.15158, 0.21336, -0.39931, -0.04741, 0.41761, -0.08914),
    (0, "rolling_variance"): (5.26334, 4.93744, 0.87241, 1.21549, 0.66133, 1.04643, 0.52228, 0.94540),
    (0, "weights"): (-1.59471, 11.75807, 0.04462, 0.42071, -0.18301, 0.23252, -0.33162, 0.12369),
    (2, "biases"): (-0.38805, 0.30717, 0.22055, -0.49577, -0.11283),
    (2, "weights"): (1.45062, 1.52168, 0.26763, -0.33465, 0.08585, 0.46535, -0.07117, 0.35078),
}
"""Sum, sum of squares and first values of each array after four updates, as recorded."""


def fraction(seed: int, *shape: int) -> np.ndarray:
    """The values that the recorded trainings begin with."""
    k = np.arange(np.prod(shape), dtype=np.int64)
    return (((37 * k + 11 * seed + k * k) % 101) / 101 - 0.5).astype(np.float32).reshape(shape)


def recorded_network() -> Graph:
    graph = build_graph(parse_cfg(RECORDED), dialect=PJREDDIE)
    initial_weights(graph)
    first, last = graph.nodes[0].weights, graph.nodes[2].weights
    first["biases"][...], first["scales"][...] = fraction(1, 6), 1 + fraction(2, 6)
    first["rolling_mean"][...], first["rolling_variance"][...] = fraction(3, 6), 1 + fraction(4, 6)
    first["weights"][...] = fraction(5, 6, 3, 3, 3)
    last["biases"][...], last["weights"][...] = fraction(6, 3), fraction(7, 3, 6)
    return graph


def recorded_picture() -> np.ndarray:
    """Its two halves mirror each other, so that random mirroring does nothing."""
    y, x, c = np.meshgrid(np.arange(32), np.arange(32), np.arange(3), indexing="ij")
    m = np.minimum(x, 31 - x)
    values = (31 * y + 17 * m + 101 * c + 7 * m * y) % 200 + 20
    return (values.transpose(2, 0, 1) / 255).astype(np.float32)


def test_a_recorded_training_of_a_classifier() -> None:
    graph = recorded_network()
    training = Training(graph)
    batch = np.repeat(recorded_picture()[np.newaxis], 4, axis=0)
    truth = np.tile(np.array([1, 0, 0], np.float32), (4, 1))
    figures = [training.step([(batch, truth)] * 2) for _ in LOSSES]
    assert [one.loss for one in figures] == pytest.approx(LOSSES, abs=1e-6)
    assert [one.rate for one in figures] == pytest.approx(RATES)
    assert [(one.iteration, one.pictures) for one in figures] == [(1, 8), (2, 16), (3, 24), (4, 32)]
    for (index, name), (total, squares, *values) in FINALLY.items():
        array = graph.nodes[index].weights[name].reshape(-1).astype(np.float64)
        assert array[: len(values)] == pytest.approx(values, abs=6e-6), name
        assert array.sum() == pytest.approx(total, abs=2e-5), name
        assert (array * array).sum() == pytest.approx(squares, abs=2e-5), name


SMALL = """
[net]
batch=4
subdivisions=2
width=6
height=6
channels=2
learning_rate=0.1
max_batches=4
burn_in=3
{net}
[convolutional]
batch_normalize=1
filters=3
size=3
pad=1
activation=mish
[dropout]
probability=0.4
[connected]
output=4
activation=linear
[softmax]
"""


def small(*net: str, seed: int = 0) -> Graph:
    graph = build_graph(parse_cfg(SMALL.replace("{net}", "\n".join(net)), "net.cfg"))
    initial_weights(graph, seed)
    return graph


def mini_batches(iteration: int, parts: int = 2) -> Iterator[MiniBatch]:
    random = np.random.default_rng(iteration)
    for _ in range(parts):
        batch = random.standard_normal((2, 2, 6, 6)).astype(np.float32)
        yield batch, np.eye(4, dtype=np.float32)[random.integers(0, 4, 2)]


def run(training: Training, iterations: int) -> list[float]:
    return [training.step(mini_batches(training.iteration)).loss for _ in range(iterations)]


def bytes_of(graph: Graph) -> bytes:
    return b"".join(array.tobytes() for node in graph.nodes for array in node.weights.values())


OPTIMIZERS = [(), ("adam=1",), ("policy=random",), ("ema_alpha=0.5",)]


@pytest.mark.parametrize("net", OPTIMIZERS, ids=str)
def test_the_same_seed_gives_the_same_bytes(net: tuple[str, ...]) -> None:
    one, other, third = (Training(small(*net), seed=seed) for seed in (1, 1, 2))
    assert run(one, 3) == run(other, 3) != run(third, 3)
    assert bytes_of(one.graph) == bytes_of(other.graph) != bytes_of(third.graph)


@pytest.mark.parametrize("net", OPTIMIZERS, ids=str)
def test_a_training_that_goes_on_equals_one_that_never_stopped(net: tuple[str, ...]) -> None:
    whole = Training(small(*net), seed=1)
    expected = run(whole, 4)
    first = Training(small(*net), seed=1)
    found = run(first, 2)
    saved = first.state()
    saved = Saved(saved.arrays, json.loads(json.dumps(saved.facts)))
    run(first, 1)  # must not change what was saved
    again = Training(small(*net, seed=9), seed=3)
    resumed = Training(small(*net), seed=1)
    run(resumed, 2)
    for node, other in zip(again.graph.nodes, resumed.graph.nodes, strict=True):
        for name, array in other.weights.items():
            node.weights[name][...] = array
    again.restore(saved)
    found += run(again, 2)
    assert found == expected
    assert bytes_of(again.graph) == bytes_of(whole.graph)
    assert again.state().facts == whole.state().facts


def test_subdivisions_give_the_update_of_the_whole_batch_without_statistics_of_it() -> None:
    text = SMALL.replace("{net}", "").replace("batch_normalize=1\n", "").replace("probability=0.4", "probability=0")
    graphs = [build_graph(parse_cfg(text)) for _ in range(2)]
    for graph in graphs:
        initial_weights(graph)
    parts = list(mini_batches(0))
    together = tuple(np.concatenate(values) for values in zip(*parts, strict=True))
    one = Training(graphs[0]).step(parts)
    other = Training(graphs[1]).step([together])  # type: ignore[list-item]
    assert one.loss == pytest.approx(other.loss, rel=1e-6)
    for node, same in zip(graphs[0].nodes, graphs[1].nodes, strict=True):
        for name, array in node.weights.items():
            np.testing.assert_allclose(array, same.weights[name], rtol=1e-4, atol=1e-7)


def test_the_average_loss_follows_slowly() -> None:
    training = Training(small())
    first = training.step(mini_batches(0))
    assert first.average == pytest.approx(first.loss)
    second = training.step(mini_batches(1))
    assert second.average == pytest.approx(0.9 * first.loss + 0.1 * second.loss)
    assert second.losses == {3: pytest.approx(second.loss)}


def test_a_rate_that_is_too_large_stops_with_advice() -> None:
    """TRAIN-001"""
    graph = small("momentum=0")
    graph.net._values["learning_rate"] = 1e30
    training = Training(graph)
    with pytest.raises(TrainingError) as caught:
        run(training, 10)
    assert "iteration" in caught.value.found or "update" in caught.value.found
    assert caught.value.layer is not None
    assert caught.value.path == "net.cfg"
    for word in ("learning_rate", "burn_in", "clip"):
        assert word in caught.value.remedy
    for node in graph.nodes:
        for array in node.weights.values():
            assert np.isfinite(array).all()


def test_an_exploding_layer_is_named() -> None:
    """TRAIN-002"""
    graph = small()
    graph.nodes[2].weights["weights"][...] = 3e38
    before = bytes_of(graph)
    training = Training(graph)
    with pytest.raises(TrainingError, match=r"\[connected\] layer 2: an output value is (inf|-inf|nan) in iteration 1"):
        run(training, 1)
    assert bytes_of(graph) == before
    assert training.iteration == 0


def test_try_fix_nan_goes_on_and_counts() -> None:
    graph = small("try_fix_nan=1")
    graph.nodes[2].weights["weights"][...] = 3e38
    figures = Training(graph).step(mini_batches(0))
    assert figures.replaced > 0
    assert all(np.isfinite(array).all() for node in graph.nodes for array in node.weights.values())


@pytest.mark.parametrize(("seen", "iteration"), [(0, 0), (3, 0), (4, 1), (15, 3)])
def test_weights_that_have_seen_pictures_go_on_there(seen: int, iteration: int) -> None:
    """TRAIN-006: the number of the iteration is that of this batch."""
    training = Training(small())
    training.begin_at(seen)
    assert (training.iteration, training.pictures) == (iteration, seen)
    figures = training.step(mini_batches(0))
    assert (figures.iteration, figures.pictures) == (iteration + 1, seen + 4)


@pytest.mark.parametrize("seen", [16, 17, 10**12])
def test_weights_at_the_end_of_the_training_do_not_begin(seen: int) -> None:
    """TRAIN-005 and 029"""
    with pytest.raises(
        TrainingError, match=f"seen {seen} pictures, which is iteration {seen // 4} .* less than max_batches=4"
    ):
        Training(small()).begin_at(seen)


def test_an_update_sums_up_whole_mini_batches() -> None:
    net = parse_cfg("[net]\ninputs=1\nbatch=8\nsubdivisions=3\ntime_steps=5\n[connected]\n[cost]\n")
    assert pictures_per_update(build_graph(net).net) == 30


def test_an_iteration_needs_pictures() -> None:
    with pytest.raises(TrainingError, match="an iteration without pictures"):
        Training(small()).step([])


def test_a_state_goes_from_mini_batch_to_mini_batch() -> None:
    text = (
        "[net]\ninputs=3\nbatch=2\ntime_steps=2\n[gru]\noutput=4\n[connected]\noutput=3\nactivation=linear\n[softmax]\n"
    )
    graph = build_graph(parse_cfg(text))
    initial_weights(graph)
    rows = np.random.default_rng(0).random((4, 3, 1, 1)).astype(np.float32)
    truth = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    state = graph.new_state(2)
    Training(graph).step([(rows, truth)] * 2, state)
    assert state[0]["output"].shape == (2, 4, 1, 1)
    assert state[0]["output"].any()


def test_a_layer_that_is_frozen_for_a_time_learns_after_it() -> None:
    text = SMALL.replace("{net}", "").replace("activation=mish", "activation=mish\nstopbackward=3")
    graph = build_graph(parse_cfg(text))
    initial_weights(graph)
    training, weights = Training(graph), graph.nodes[0].weights
    for changes in (False, False, True):
        before = {name: array.copy() for name, array in weights.items()}
        run(training, 1)
        for name, array in weights.items():
            assert np.array_equal(array, before[name]) is not changes, (training.iteration, name)


def test_right_answers_are_counted_and_in_a_tree_among_leaves_only() -> None:
    outputs = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], np.float32)
    truths = np.array([[0, 1], [0, 1], [0.25, 0.75]], np.float32)
    assert right_answers(outputs, truths) == 2
    assert right_answers(outputs.reshape(3, 2, 1, 1), truths) == 2
    assert right_answers(outputs, truths[:, :1]) == right_answers(outputs, {0: truths}) == 0
    tree = Tree(("animal", "plant", "dog", "cat"), (-1, -1, 0, 0))
    given_parents = np.array([[0.9, 0.1, 0.4, 0.6], [0.9, 0.1, 0.4, 0.6], [0.2, 0.8, 0.9, 0.1]], np.float32)
    truths = np.array([[1, 0, 0, 1], [1, 0, 1, 0], [0, 1, 0, 0]], np.float32)  # a cat, a dog, a plant
    assert right_answers(given_parents, truths, tree) == 2


def test_pictures_of_another_size_train_the_same_arrays() -> None:
    text = "[net]\nwidth=8\nheight=8\nchannels=1\n[convolutional]\nfilters=2\nsize=3\npad=1\n[avgpool]\n[softmax]\n"
    graphs = [build_graph(parse_cfg(text)) for _ in range(2)]
    for graph in graphs:
        initial_weights(graph, 1)
    fast, plain = Training(graphs[0]), Training(graphs[1], plain=True)
    random, before = np.random.default_rng(2), bytes_of(graphs[0])
    for side in (8, 12, 12, 6, 8):
        pictures, truths = random.random((4, 1, side, side), np.float32), np.eye(2, dtype=np.float32)[[0, 1, 1, 0]]
        one, other = (training.step([(pictures, truths)]) for training in (fast, plain))
        assert one.loss == pytest.approx(other.loss, rel=1e-5)
    assert bytes_of(graphs[0]) != before
    for name, array in graphs[0].nodes[0].weights.items():
        np.testing.assert_allclose(array, graphs[1].nodes[0].weights[name], atol=1e-6)
