"""The update of a whole network: which arrays change, by how much, and what is remembered."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.errors import TrainingError
from darknetpy.graph import Graph, build_graph, initial_weights
from darknetpy.training.fast.passes import FastPasses
from darknetpy.training.fast.updates import LargeUpdates
from darknetpy.training.optimizers import Adam, AdamW, Momentum
from darknetpy.training.passes import Pass
from darknetpy.training.updates import Sums, Updates, layers_at_rest, optimizer_of

pytestmark = pytest.mark.quick
NET = "[net]\nwidth=5\nheight=5\nchannels=2\nlearning_rate=1\ndecay=0.1\nmomentum=0.5\nburn_in=4\n"
CONVOLUTIONAL = "[convolutional]\nfilters=2\nsize=3\npad=1\nactivation=leaky\n"
NORMALIZED = CONVOLUTIONAL + "batch_normalize=1\n"


def network(*sections: str, net: str = "") -> Graph:
    graph = build_graph(parse_cfg(NET + net + "".join(sections) + "[cost]\n"))
    initial_weights(graph, 3)
    return graph


def sums_of(graph: Graph, iteration: int = 1, mini_batches: int = 2) -> Sums:
    sums, random = Sums(), np.random.default_rng(iteration)
    for _ in range(mini_batches):
        one = Pass(graph)
        batch = random.standard_normal((3, *graph.input_shape)).astype(np.float32)
        truth = random.standard_normal((3, *graph.nodes[-1].output_shape)).astype(np.float32)
        one.forward(batch, truth, random=random)
        one.backward()
        sums.add(one)
    return sums


def copies(graph: Graph) -> list[dict[str, np.ndarray]]:
    return [{name: array.copy() for name, array in node.weights.items()} for node in graph.nodes]


def changed(graph: Graph, before: list[dict[str, np.ndarray]]) -> Iterator[tuple[int, str]]:
    """The arrays that are not as they were."""
    for node in graph.nodes:
        for name, array in node.weights.items():
            if not np.array_equal(array, before[node.index][name]):
                yield node.index, name


ALL = {"weights", "biases", "scales", "rolling_mean", "rolling_variance"}
STATISTICS = {"rolling_mean", "rolling_variance"}


def changed_by(graph: Graph, iteration: int) -> dict[int, set[str]]:
    before, updates = copies(graph), Updates(graph, Momentum())
    updates.apply(sums_of(graph), 0.1, iteration)
    names: dict[int, set[str]] = {}
    for index, name in changed(graph, before):
        names.setdefault(index, set()).add(name)
    return names


def test_every_array_of_every_layer_changes() -> None:
    assert changed_by(network(NORMALIZED, NORMALIZED), 1) == {0: ALL, 1: ALL}


def test_sums_add_up_mini_batches() -> None:
    graph = network(NORMALIZED)
    sums = sums_of(graph, mini_batches=3)
    assert (sums.pictures, sums.mini_batches, len(sums.statistics)) == (9, 3, 6)
    assert sums.loss == pytest.approx(sums.losses[1] / 9)
    alone = [sums_of(graph, mini_batches=1), sums_of(graph, mini_batches=2), sums]
    sizes = [np.abs(one.gradients[0]["biases"]).sum() for one in alone]
    assert len(set(sizes)) == 3


def test_weights_decay_and_biases_do_not_and_without_a_gradient_both_go_on() -> None:
    graph = network(CONVOLUTIONAL)
    graph.nodes[0].weights["biases"][...] = 1
    before, updates = copies(graph)[0], Updates(graph, Momentum(0.5))
    nothing = Sums(pictures=6)
    updates.apply(nothing, 0.2, 1)
    np.testing.assert_allclose(graph.nodes[0].weights["weights"], 0.98 * before["weights"], rtol=1e-5)
    np.testing.assert_array_equal(graph.nodes[0].weights["biases"], before["biases"])
    updates.apply(nothing, 0.2, 2)  # velocity 0.5 * 0.6 w + 0.6 * 0.98 w
    np.testing.assert_allclose(graph.nodes[0].weights["weights"], (0.98 - 0.0296) * before["weights"], rtol=1e-5)


def test_a_layer_has_its_own_factor_on_the_rate() -> None:
    graph = network(CONVOLUTIONAL + "learning_rate=0.25\n", CONVOLUTIONAL)
    other = network(CONVOLUTIONAL, CONVOLUTIONAL)
    before = copies(graph)
    for one in (graph, other):
        Updates(one, Momentum()).apply(sums_of(one), 0.1, 1)
    moves = [one.nodes[0].weights["weights"] - before[0]["weights"] for one in (graph, other)]
    np.testing.assert_allclose(moves[0], 0.25 * moves[1], rtol=1e-3, atol=1e-7)
    np.testing.assert_array_equal(graph.nodes[1].weights["weights"], other.nodes[1].weights["weights"])


@pytest.mark.parametrize("place", ["layer", "net"])
def test_clip_limits_weights_only(place: str) -> None:
    clip = "clip=0.125\n"
    graph = network(CONVOLUTIONAL + (clip if place == "layer" else ""), net=clip if place == "net" else "")
    graph.nodes[0].weights["biases"][...] = 5
    Updates(graph, Momentum()).apply(sums_of(graph), 0.1, 1)
    assert np.abs(graph.nodes[0].weights["weights"]).max() == 0.125
    assert np.abs(graph.nodes[0].weights["biases"]).min() > 1


def test_grad_centr_takes_the_mean_off_each_filter() -> None:
    graph, plain = network(NORMALIZED + "grad_centr=1\n"), network(NORMALIZED)
    before = copies(graph)[0]
    for one in (graph, plain):
        one.net._values["decay"] = 0.0
        Updates(one, Momentum()).apply(sums_of(one), 0.1, 1)
    move, other = (one.nodes[0].weights["weights"] - before["weights"] for one in (graph, plain))
    np.testing.assert_allclose(move, other - other.mean(axis=(1, 2, 3), keepdims=True), atol=1e-6)
    assert np.abs(other.mean(axis=(1, 2, 3))).min() > 1e-4
    np.testing.assert_array_equal(graph.nodes[0].weights["biases"], plain.nodes[0].weights["biases"])


@pytest.mark.parametrize(
    ("option", "iteration", "rests"),
    [
        ("dont_update=3", 3, True), ("dont_update=3", 4, False), ("dont_update=0", 1, False),
        ("burnin_update=2", 7, True), ("burnin_update=2", 8, False),
        ("train_only_bn=1", 99, True),
    ],
)  # fmt: skip
def test_layers_at_rest_only_count_statistics(option: str, iteration: int, rests: bool) -> None:
    graph = network(NORMALIZED + f"{option}\n", NORMALIZED)
    assert changed_by(graph, iteration) == {0: STATISTICS if rests else ALL, 1: ALL}


def test_train_only_bn_holds_for_the_layers_before_it() -> None:
    graph = network(NORMALIZED, NORMALIZED + "train_only_bn=1\n", NORMALIZED)
    assert changed_by(graph, 1) == {0: STATISTICS, 1: STATISTICS, 2: ALL}


@pytest.mark.parametrize(("value", "iteration", "frozen"), [(1, 50, True), (5, 4, True), (5, 5, False)])
def test_frozen_layers_do_not_change_at_all(value: int, iteration: int, frozen: bool) -> None:
    graph = network(NORMALIZED, NORMALIZED + f"stopbackward={value}\n", NORMALIZED)
    assert layers_at_rest(graph, iteration) == ({0, 1} if frozen else set())


def test_shared_arrays_change_once() -> None:
    graph = network(CONVOLUTIONAL, CONVOLUTIONAL + "share_index=0\n")
    before, sums = copies(graph)[0], sums_of(graph)
    assert set(sums.gradients) == {0}
    Updates(graph, Momentum()).apply(sums, 0.1, 1)
    descent = sums.gradients[0]["weights"] + 0.1 * 6 * before["weights"]
    expected = before["weights"] - 0.1 / 6 * descent
    np.testing.assert_allclose(graph.nodes[0].weights["weights"], expected, rtol=1e-4, atol=1e-6)


def test_rolling_statistics_follow_in_the_order_seen() -> None:
    graph = network(NORMALIZED)
    sums = sums_of(graph, mini_batches=3)
    expected = graph.nodes[0].weights["rolling_mean"].astype(np.float64)
    for _, name, seen in sums.statistics:
        if name == "rolling_mean":
            expected = 0.75 * expected + 0.25 * seen
    Updates(graph, Momentum(), rolling_share=0.25).apply(sums, 0.1, 1)
    np.testing.assert_allclose(graph.nodes[0].weights["rolling_mean"], expected, rtol=1e-5)


def test_each_time_step_counts_in_rolling_statistics() -> None:
    text = "[net]\ninputs=3\ntime_steps=3\n[rnn]\noutput=2\nhidden=2\nbatch_normalize=1\n[cost]\n"
    graph = build_graph(parse_cfg(text))
    initial_weights(graph)
    one, random = Pass(graph), np.random.default_rng(0)
    one.forward(random.random((12, 3, 1, 1)), random.random((12, 2, 1, 1)), random=random)
    one.backward()
    names = [name for _, name, _ in one.statistics()]
    assert {name: names.count(name) for name in names} == dict.fromkeys(
        [f"{part}_{name}" for part in ("input", "self", "output") for name in sorted(STATISTICS)], 3
    )


@pytest.mark.parametrize("optimizer", [Momentum(0.9), Adam()], ids=["momentum", "adam"])
@pytest.mark.parametrize("earlier", [0, 2])
def test_an_update_that_fails_in_one_array_changes_none(optimizer: Momentum | Adam, earlier: int) -> None:
    graph = network(NORMALIZED, CONVOLUTIONAL + "learning_rate=1e36\n")
    updates = Updates(graph, optimizer)
    for iteration in range(1, earlier + 1):
        updates.apply(sums_of(graph, iteration), 1e-37, iteration)
    before, remembered, bad = copies(graph), updates.state(), sums_of(graph, 7)
    with pytest.raises(TrainingError, match=r"layer 1: biases would become (inf|-inf|nan) in update 7") as caught:
        updates.apply(bad, 1e5, 7)
    assert "Lower learning_rate" in caught.value.remedy
    assert not list(changed(graph, before))
    after = updates.state()
    for name, array in after.items():
        np.testing.assert_array_equal(array, remembered.get(name, np.zeros_like(array)), err_msg=name)


def test_large_arrays_also_stay_where_a_small_one_fails() -> None:
    large, small = "[connected]\noutput=100\nactivation=linear\n", "[connected]\noutput=2\nlearning_rate=1e36\n"
    graph, twin = network(large, small), network(large, small)
    passes = FastPasses(graph, threads=1)
    updates, other = Updates(graph, Momentum()), Updates(twin, Momentum())
    updates.large = LargeUpdates(passes.team, passes.scratch)
    before = copies(graph)
    with pytest.raises(TrainingError, match="layer 1"):
        updates.apply(sums_of(graph, 7), 1e5, 7)
    assert not list(changed(graph, before))
    updates.apply(sums_of(graph, 8), 1e-37, 8)
    other.apply(sums_of(twin, 8), 1e-37, 8)
    for node, same in zip(graph.nodes, copies(twin), strict=True):
        for name, array in node.weights.items():
            np.testing.assert_allclose(array, same[name], rtol=1e-5, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("optimizer", [Momentum(0.0), Adam(), AdamW()], ids=["momentum", "adam", "adamw"])
def test_l1_adds_the_sign_of_each_weight_and_of_nothing_else(optimizer: Momentum | Adam) -> None:
    """As if each picture's loss were larger by l1 times the sum of the sizes of all weights."""
    results = []
    for l1 in (0.0, 0.25):
        graph = network(NORMALIZED)
        sums, signs = sums_of(graph), np.sign(graph.nodes[0].weights["weights"])
        if not l1:
            sums.gradients[0]["weights"] = sums.gradients[0]["weights"] + np.float32(0.25 * sums.pictures) * signs
        Updates(graph, optimizer, l1=l1).apply(sums, 0.1, 1)
        results.append(copies(graph))
    for name in ALL:
        np.testing.assert_array_equal(results[0][0][name], results[1][0][name], err_msg=name)


@pytest.mark.parametrize("optimizer", [Momentum(0.9), Adam()], ids=["momentum", "adam"])
def test_a_saved_state_goes_on_exactly(optimizer: Momentum | Adam) -> None:
    graph = network(NORMALIZED, CONVOLUTIONAL)
    updates = Updates(graph, optimizer)
    for iteration in (1, 2):
        updates.apply(sums_of(graph, iteration), 0.1, iteration)
    kept, arrays = updates.state(), copies(graph)
    updates.apply(sums_of(graph, 3), 0.1, 3)
    expected = copies(graph)
    other = network(NORMALIZED, CONVOLUTIONAL)
    for node in other.nodes:
        node.weights.update(arrays[node.index])
    again = Updates(other, optimizer)
    again.restore(kept)
    again.apply(sums_of(other, 3), 0.1, 3)
    assert not list(changed(other, expected))


@pytest.mark.parametrize(
    "key", ["0.weights.mean", "7.weights.velocity", "0.rolling_mean.velocity", "x", "0.scales.velocity"]
)
def test_a_state_of_something_else_is_refused(key: str) -> None:
    updates = Updates(network(CONVOLUTIONAL), Momentum())
    with pytest.raises(TrainingError, match="the saved training has"):
        updates.restore({key: np.zeros((2, 2, 3, 3), np.float32)})


def test_the_options_choose_the_optimizer() -> None:
    assert optimizer_of(network(CONVOLUTIONAL).net) == Momentum(0.5)
    adam = network(CONVOLUTIONAL, net="adam=1\nB1=0.75\nB2=0.875\neps=0.0625\n").net
    assert optimizer_of(adam) == optimizer_of(network(CONVOLUTIONAL, net="B1=.75\nB2=.875\neps=.0625\n").net, "adam")
    assert optimizer_of(adam) == Adam(0.75, 0.875, 0.0625)
    assert optimizer_of(adam, "adamw") == AdamW(0.75, 0.875, 0.0625)
    assert optimizer_of(adam, "sgd") == Momentum(0.5)
    with pytest.raises(TrainingError, match="optimizer=adamax, expected one of sgd, adam, adamw"):
        optimizer_of(adam, "adamax")


def test_adam_counts_the_updates_of_each_array_by_itself() -> None:
    graph = network(CONVOLUTIONAL + "dont_update=2\n")
    values, optimizer = graph.nodes[0].weights["biases"], Adam(0.75, 0.875, 0.01)
    updates, expected = Updates(graph, optimizer), values.astype(np.float64)
    mean = square = np.zeros(2)
    for iteration in range(1, 6):
        sums = sums_of(graph, iteration)
        gradient = sums.gradients[0]["biases"].astype(np.float64)
        updates.apply(sums, 0.1, iteration)
        if iteration > 2:
            count = iteration - 2
            mean, square = 0.75 * mean + 0.25 * gradient, 0.875 * square + 0.125 * gradient**2
            size = np.sqrt(square / (1 - 0.875**count)) + 0.01
            expected = expected - 0.1 * mean / (1 - 0.75**count) / size
        np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6)
    assert int(updates.state()["0.biases.updates"]) == 3
