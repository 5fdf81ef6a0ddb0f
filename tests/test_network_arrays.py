"""Arrays of a loaded network, in memory or waiting in its file: what a caller changes is never lost, or mixed up."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

import darknetpy
from darknetpy.errors import DarknetpyWarning, WeightsError
from darknetpy.training.step import Training

CFG = """[net]
width=12
height=8
channels=3
batch=2
learning_rate=0.1
max_batches=10

[convolutional]
batch_normalize=1
filters=20
size=3
stride=2
pad=1
activation=leaky

[convolutional]
filters=20
size=1
activation=mish

[convolutional]
filters=20
size=1
activation=mish
share_index=1

[avgpool]

[connected]
output=4
activation=linear

[softmax]
temperature=30
"""
BATCH = np.random.default_rng(2).random((2, 3, 8, 12), dtype=np.float32)
MEMORIES = ("normal", "packed", "low")
every_memory = pytest.mark.parametrize("memory", MEMORIES)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A weights file; net.cfg is beside it."""
    (tmp_path / "net.cfg").write_text(CFG)
    darknetpy.load(tmp_path / "net.cfg", seed=4).save_weights(tmp_path / "net.weights")
    return tmp_path / "net.weights"


def load(path: Path, memory: str | None = None, **options: object) -> darknetpy.Network:
    given = options if memory is None else {"memory": memory, **options}
    return darknetpy.load(path.with_name("net.cfg"), path, **given)  # type: ignore[arg-type]


def saved(net: darknetpy.Network, path: Path) -> bytes:
    """What is written to another file."""
    net.save_weights(path.with_name("saved.weights"))
    return path.with_name("saved.weights").read_bytes()


def with_biases(path: Path, value: float) -> bytes:
    """The file with other biases in layer 0, which come first."""
    data = path.read_bytes()
    return data[:20] + np.full(20, value, "<f4").tobytes() + data[100:]


def test_by_default_no_array_is_kept_that_nobody_asks_for(path: Path) -> None:
    net = load(path)
    answer = net(BATCH)
    assert not any(node.weights.held for node in net.layers)
    assert saved(net, path) == path.read_bytes()
    assert not any(node.weights.held for node in net.layers)
    np.testing.assert_array_equal(answer, load(path, "normal")(BATCH))
    np.testing.assert_allclose(answer, net.predict(BATCH, engine=False), atol=1e-5)


@every_memory
def test_what_is_changed_before_the_first_prediction_counts(path: Path, memory: str) -> None:
    net, expected = load(path, memory), with_biases(path, 3)
    biases = net.layers[0].weights["biases"]
    biases[:] = 3
    answer = net(BATCH)
    assert np.abs(answer - load(path, memory)(BATCH)).max() > 1e-3
    np.testing.assert_allclose(answer, net.predict(BATCH, engine=False), atol=1e-5)
    assert net.layers[0].weights["biases"] is biases
    assert saved(net, path) == expected


@every_memory
@pytest.mark.parametrize("asked", ["before", "after"])
def test_what_is_changed_after_a_prediction_is_kept(path: Path, memory: str, asked: str) -> None:
    net, expected = load(path, memory), with_biases(path, 3)
    early = net.layers[0].weights["biases"] if asked == "before" else None
    net(BATCH)
    biases = net.layers[0].weights["biases"]
    assert early is None or early is biases
    biases[:] = 3
    for _ in range(2):
        net(BATCH)
        net.predict(BATCH, engine=False)
        net(BATCH[:1])
        assert net.layers["conv0"].weights["biases"] is biases
        assert saved(net, path) == expected
    path.write_bytes(expected)
    np.testing.assert_array_equal(net.predict(BATCH, engine=False), load(path).predict(BATCH, engine=False))


@every_memory
def test_changed_weights_reach_the_engine_when_it_is_told(path: Path, memory: str) -> None:
    net = load(path, memory)
    before = net(BATCH)
    net.layers[0].weights["biases"][:] = 3
    net.layers[4].weights["biases"] = np.array([1, 2, 30, 4], np.float32)
    net.weights_changed()
    assert np.abs(net(BATCH) - before).max() > 0.01
    np.testing.assert_allclose(net(BATCH), net.predict(BATCH, engine=False), atol=1e-5)


@every_memory
def test_an_array_that_is_put_in_place_of_another_counts(path: Path, memory: str) -> None:
    net = load(path, memory)
    for node in net.layers:
        for name in node.weights:
            node.weights[name] = np.full_like(node.weights[name], 0.25)
    path.unlink()
    np.testing.assert_allclose(net(BATCH), net.predict(BATCH, engine=False), atol=1e-5)
    assert saved(net, path)[20:] == np.full(net.graph.parameters, 0.25, "<f4").tobytes()


@every_memory
@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("first", ["predict", "save"])
def test_saving_over_the_file_that_was_loaded(path: Path, memory: str, asked: bool, first: str) -> None:
    net, expected = load(path, memory), path.read_bytes()
    if asked:
        expected = with_biases(path, 3)
        net.layers[0].weights["biases"][:] = 3
    answer = net(BATCH) if first == "predict" else None
    net.save_weights(path)
    net.save_weights(path)
    assert path.read_bytes() == expected
    again = load(path, memory)(BATCH)
    np.testing.assert_array_equal(net(BATCH), again)
    assert answer is None or np.array_equal(answer, again)
    net.save_weights(path, upto=1)
    assert saved(net, path) == expected
    assert path.stat().st_size < len(expected)


def test_a_file_that_changes_before_it_is_needed_is_an_error(path: Path) -> None:
    nets, data = {memory: load(path, memory) for memory in MEMORIES}, path.read_bytes()
    answer = load(path)(BATCH)
    path.write_bytes(with_biases(path, 3))
    np.testing.assert_array_equal(nets["normal"](BATCH), answer)
    for memory in ("packed", "low"):
        for _ in range(2):
            with pytest.raises(WeightsError, match="has changed") as caught:
                nets[memory](BATCH)
            assert caught.value.path == str(path)
    path.write_bytes(data)
    np.testing.assert_array_equal(nets["packed"](BATCH), answer)


def test_once_packed_the_file_is_needed_for_arrays_only(path: Path) -> None:
    net = load(path)
    answer = net(BATCH)
    path.unlink()
    np.testing.assert_array_equal(net(BATCH), answer)
    for ask in (lambda: net.layers[0].weights["biases"], lambda: net.predict(BATCH, engine=False)):
        with pytest.raises(WeightsError, match="no such weights file"):
            ask()


@pytest.mark.parametrize("first", ["predict", "train"])
def test_a_loaded_network_that_is_trained_keeps_what_it_learns(path: Path, first: str) -> None:
    learned = []
    for memory in MEMORIES:
        net = load(path, memory)
        if first == "predict":
            net(BATCH)
        training = Training(net.graph, seed=1)
        truth = np.eye(4, dtype=np.float32)[:2]
        for _ in range(3):
            training.step([(BATCH, truth)])
        learned.append((saved(net, path), net.predict(BATCH, engine=False)))
    assert learned[0][0] != path.read_bytes()
    for bytes_, answer in learned[1:]:
        assert bytes_ == learned[0][0]
        np.testing.assert_array_equal(answer, learned[0][1])


def test_what_the_file_does_not_fill_begins_the_same_in_every_memory(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DarknetpyWarning)
        nets = [load(path, memory, allow_damaged=True, seed=3) for memory in MEMORIES]
        parts = [load(path, memory, upto=2, seed=3) for memory in MEMORIES]
    for usual, *others in (nets, parts):
        usual(BATCH)
        for net in others:
            np.testing.assert_array_equal(net.predict(BATCH, engine=False), usual.predict(BATCH, engine=False))
            assert saved(net, path) == saved(usual, path)


@pytest.mark.parametrize("memory", ["packed", "low"])
def test_threads_may_predict_and_ask_for_arrays_at_once(path: Path, memory: str) -> None:
    net, usual = load(path, memory), load(path, memory)
    expected = usual(BATCH)
    start, arrays = threading.Barrier(8), list[np.ndarray]()
    answers: list[object] = []

    def predict() -> None:
        start.wait(10)
        answers.append(net(BATCH))

    def ask() -> None:
        start.wait(10)
        arrays.append(net.layers[4].weights["weights"])

    threads = [threading.Thread(target=work) for work in (predict, ask) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == len(arrays) == 4
    assert all(np.array_equal(answer, expected) for answer in answers)
    assert all(array is net.layers[4].weights["weights"] for array in arrays)
