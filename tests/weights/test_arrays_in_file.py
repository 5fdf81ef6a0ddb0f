"""Arrays that wait in their file, and everything that can happen to it."""

from __future__ import annotations

import copy
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from darknetpy.errors import WeightsError
from darknetpy.graph import Graph
from darknetpy.weights.arrays_in_file import ArraysInFile, Checksums, opened
from darknetpy.weights.layout import layout
from darknetpy.weights.reader import read_weights
from tests.weights.networks import base_file, filled, graph_of, start_of, values

LOAD_AGAIN = r'Load the network again; memory="normal" reads all of a file at once\.$'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "net.weights"
    path.write_bytes(base_file())
    return path


@pytest.fixture
def graph(path: Path) -> Graph:
    graph = graph_of()
    read_weights(path, graph, later=True)
    return graph


def other_value(place: int) -> bytes:
    """The base file with another value at a place in bytes."""
    data = bytearray(base_file())
    data[place : place + 4] = np.float32(0.125).tobytes()
    return bytes(data)


def test_only_what_is_asked_for_is_read(graph: Graph, path: Path) -> None:
    assert graph.nodes[0].weights["scales"].shape == (4,)
    assert graph.nodes[0].weights.held == {"scales"}
    assert np.array_equal(filled(graph), values())
    path.unlink()
    assert np.array_equal(filled(graph), values())


def test_another_current_folder_does_not_matter(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of()
    monkeypatch.chdir(path.parent)
    read_weights(path.name, graph, later=True)
    monkeypatch.chdir("/")
    assert np.array_equal(filled(graph), values())


@pytest.mark.parametrize("way", ["in place", "replaced", "in place, at the same time"])
def test_other_values_are_refused(graph: Graph, path: Path, way: str) -> None:
    before, changed = path.stat(), other_value(start_of(2, "weights") + 400)
    if way == "replaced":
        other = path.with_suffix(".new")
        other.write_bytes(changed)
        other.replace(path)
    else:
        path.write_bytes(changed)
    if way == "in place, at the same time":
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(WeightsError, match=f"the file has changed, expected .* as it was. {LOAD_AGAIN}") as caught:
        graph.nodes[2].weights["weights"]
    assert caught.value.path == str(path)
    with pytest.raises(WeightsError, match="the file has changed"):
        graph.nodes[2].weights.peek()
    assert not graph.nodes[2].weights.held
    assert np.array_equal(graph.nodes[2].weights["biases"], values()[start_of(2, "biases") // 4 - 5 :][:3])


@pytest.mark.parametrize("length", [1, 1017, 1018, 1019, 50_001])
def test_checksums_see_every_value_and_its_place(length: int) -> None:
    slot = layout(graph_of())[0]
    random = np.random.default_rng(length)
    data = random.random(length, np.float32)

    def checksum(changed: np.ndarray) -> int:
        checks = Checksums()
        checks.take(slot, changed)
        checks.take(slot, data)  # a second piece, which does not hide what was in the first
        return checks.found[slot.offset]

    places = {0, length - 1, *random.integers(length, size=20).tolist()}
    for place in places:
        changed = data.copy()
        changed[place] = np.nextafter(changed[place], np.float32(2))
        assert checksum(changed) != checksum(data)
    for one, other in ((0, 1024), (1024, 4096)):
        if length >= other + 1024:
            changed = data.copy()
            changed[one : one + 1024], changed[other : other + 1024] = data[other:][:1024], data[one:][:1024]
            assert checksum(changed) != checksum(data)
    if length > 1:
        assert checksum(np.roll(data, 1)) != checksum(data)


@pytest.mark.parametrize("data", [base_file()[:-4], base_file() + bytes(4), b""], ids=["cut", "longer", "empty"])
def test_another_length_is_refused(graph: Graph, path: Path, data: bytes) -> None:
    path.write_bytes(data)
    for node in graph.nodes[:3]:
        with pytest.raises(WeightsError, match=f"the file has changed, .* {LOAD_AGAIN}"):
            node.weights["biases"]


def test_a_file_that_is_gone_is_missed_and_may_come_back(graph: Graph, path: Path) -> None:
    path.unlink()
    with pytest.raises(WeightsError, match=f"no such weights file, expected .* as it was. {LOAD_AGAIN}"):
        graph.nodes[0].weights["biases"]
    path.mkdir()
    with pytest.raises(WeightsError, match=f"is a directory, .* {LOAD_AGAIN}"):
        graph.nodes[0].weights["biases"]
    path.rmdir()
    path.write_bytes(base_file())
    assert np.array_equal(filled(graph), values())


def test_a_file_without_permission_is_told(folder_of_ordinary_user: Path) -> None:
    path, graph = folder_of_ordinary_user / "net.weights", graph_of()
    path.write_bytes(base_file())
    read_weights(path, graph, later=True)
    path.chmod(0)
    with pytest.raises(WeightsError, match=f"cannot read the weights file: Permission denied, .* {LOAD_AGAIN}"):
        graph.nodes[0].weights["biases"]


def test_the_same_values_in_another_file_are_the_same(graph: Graph, path: Path) -> None:
    path.unlink()
    path.write_bytes(base_file())
    assert np.array_equal(filled(graph), values())


def test_a_file_that_is_written_while_it_is_read_is_refused(path: Path) -> None:
    def read_and_write() -> None:
        with opened(path):
            path.write_bytes(base_file() + bytes(4))

    with pytest.raises(WeightsError, match="changed while it was read"):
        read_and_write()


def test_they_know_their_file_by_any_name(graph: Graph, path: Path) -> None:
    source = graph.nodes[0].weights.source
    assert isinstance(source, ArraysInFile)
    link = path.with_name("link")
    link.symlink_to(path)
    other = path.with_name("other")
    other.write_bytes(base_file())
    assert source.is_in(path)
    assert source.is_in(link)
    assert not source.is_in(other)
    assert not source.is_in(path.with_name("none"))


def test_a_copied_or_pickled_graph_has_the_values_with_it(graph: Graph, path: Path) -> None:
    graph.nodes[0].weights["biases"][:] = 7
    twins = [copy.deepcopy(graph), pickle.loads(pickle.dumps(graph))]
    expected = values()
    expected[:4] = 7
    path.unlink()
    for twin in twins:
        assert np.array_equal(filled(twin), expected)
