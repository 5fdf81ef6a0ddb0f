"""Arrays of a layer: those that wait, those that somebody has asked for, and looks that keep nothing."""

from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pytest

from darknetpy.layers.weights import Weights
from tests.layers.waiting import Kept

pytestmark = pytest.mark.quick


@pytest.fixture
def source() -> Kept:
    return Kept({"biases": np.ones(2), "weights": np.zeros(3)})


@pytest.fixture
def weights(source: Kept) -> Weights:
    waiting = Weights()
    waiting.come_later(source)
    return waiting


def test_what_waits_is_known_by_name_and_not_read(weights: Weights, source: Kept) -> None:
    assert list(weights) == ["biases", "weights"]
    assert len(weights) == 2
    assert "biases" in weights
    assert "scales" not in weights
    assert weights.get("scales") is None
    with pytest.raises(KeyError, match="scales"):
        weights["scales"]
    assert repr(weights) == "<Weights: biases, weights>"
    assert not source.read_so_far
    assert not weights.held


def test_what_is_asked_for_is_read_once_and_stays(weights: Weights, source: Kept) -> None:
    weights["biases"][0] = 7
    assert list(weights["biases"]) == [7, 1]
    assert weights["biases"] is weights.get("biases")
    assert source.read_so_far == ["biases"]
    assert weights.held == {"biases"}


def test_a_look_keeps_nothing_and_sees_what_was_changed(weights: Weights, source: Kept) -> None:
    weights["biases"][0] = 7
    look = weights.peek()
    assert list(look) == ["biases", "weights"]
    assert look["biases"] is weights["biases"]
    assert weights.held == {"biases"}
    assert weights.peek()["weights"] is not look["weights"]
    assert source.read_so_far == ["biases", "weights", "weights"]


def test_what_is_put_there_is_not_read(weights: Weights, source: Kept) -> None:
    mine = np.full(3, 5.0)
    weights["weights"] = mine
    weights.update(biases=mine, more=mine)
    assert all(array is mine for array in weights.peek().values())
    weights.hold_all()
    assert list(weights) == ["biases", "weights", "more"]
    assert weights["weights"] is mine
    assert not source.read_so_far


def test_all_can_be_taken_as_from_a_dictionary(weights: Weights) -> None:
    taken, unpacked, updated = dict(weights), {**weights}, Weights()
    updated.update(weights)
    for arrays in (taken, unpacked, updated):
        assert list(arrays) == ["biases", "weights"]
        assert all(array is weights[name] for name, array in arrays.items())
    assert weights.held == {"biases", "weights"}


def test_what_is_held_needs_no_source_any_more(weights: Weights, source: Kept) -> None:
    first = weights["biases"]
    weights.hold_all()
    source.arrays["weights"][:] = 5
    assert weights["biases"] is first
    assert list(weights["weights"]) == [0, 0, 0]
    assert source.read_so_far == ["biases", "weights"]


def test_what_is_deleted_does_not_come_back(weights: Weights) -> None:
    del weights["biases"]
    assert list(weights) == ["weights"]
    assert list(weights.peek()) == ["weights"]
    with pytest.raises(KeyError):
        del weights["biases"]
    weights.clear()
    assert not weights


def test_copies_have_the_values_and_no_source(weights: Weights, source: Kept) -> None:
    weights["biases"][0] = 7
    for twin in (copy.copy(weights), copy.deepcopy(weights), pickle.loads(pickle.dumps(weights))):
        assert twin.source is None
        assert list(twin["biases"]) == [7, 1]
        assert list(twin["weights"]) == [0, 0, 0]
    assert copy.deepcopy(weights)["biases"] is not weights["biases"]
    assert weights.source is source


def test_threads_that_ask_at_once_get_the_same_array(weights: Weights, source: Kept) -> None:
    count = 8
    start, meeting = threading.Barrier(count), threading.Barrier(count)
    found: list[np.ndarray] = []
    read = source.read

    def read_together(names: tuple[str, ...]) -> dict[str, np.ndarray]:
        meeting.wait(10)  # all of them have begun to read
        return read(names)

    def ask() -> None:
        start.wait(10)
        found.append(weights["biases"])

    source.read = read_together  # type: ignore[method-assign]
    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == count
    assert all(array is weights["biases"] for array in found)
