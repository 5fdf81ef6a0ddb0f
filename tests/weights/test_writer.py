"""Weights files as Darknet writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darknetpy.config.sections import parse_cfg
from darknetpy.dialect import PJREDDIE
from darknetpy.errors import Findings, WeightsError
from darknetpy.graph import Graph, build_graph, initial_weights
from darknetpy.weights.reader import read_weights
from darknetpy.weights.writer import write_weights
from tests.weights.networks import BASE, base_file, filled, graph_of, header, start_of, values


def loaded(text: str = BASE, data: bytes | None = None) -> Graph:
    graph = graph_of(text)
    read_weights(base_file() if data is None else data, graph)
    return graph


def written(graph: Graph, folder: Path, **options: object) -> bytes:
    path = folder / "out.weights"
    assert write_weights(path, graph, **options) == path.stat().st_size  # type: ignore[arg-type]
    assert [entry.name for entry in folder.iterdir()] == [path.name]
    return path.read_bytes()


@pytest.mark.quick
def test_a_file_begins_with_the_header_of_the_dialects_program(tmp_path: Path) -> None:
    assert written(loaded(), tmp_path, seen=77) == base_file((0, 2, 5), seen=77)
    graph = build_graph(parse_cfg(BASE), dialect=PJREDDIE)
    read_weights(base_file(), graph)
    assert written(graph, tmp_path) == base_file((0, 2, 0))


@pytest.mark.parametrize(
    ("version", "size"),
    [((0, 1, 0), 16), ((0, 0, 9), 16), ((0, 2, 0), 20), ((1001, 0, 0), 16), ((1001, 0, 0), 20), ((0, 1001, 3), 20)],
)
def test_a_loaded_form_is_kept(tmp_path: Path, version: tuple[int, int, int], size: int) -> None:
    data = base_file(version, seen=99, size=size)
    graph = graph_of()
    report = read_weights(data, graph)
    again = written(graph, tmp_path, seen=report.seen, version=report.version, header_bytes=report.header_bytes)
    assert again == data


def test_without_a_version_a_transposed_file_becomes_an_ordinary_one(tmp_path: Path) -> None:
    graph = loaded(data=base_file((1001, 0, 0), size=16))
    again = graph_of()
    read_weights(written(graph, tmp_path), again)
    assert np.array_equal(filled(again), filled(graph))


def test_a_count_too_large_for_16_bytes_takes_the_usual_header(tmp_path: Path) -> None:
    data = written(loaded(), tmp_path, seen=2**31, version=(0, 1, 0))
    assert data == base_file((0, 2, 5), seen=2**31)


def test_flipped_filters_are_written_flipped(tmp_path: Path) -> None:
    text = BASE.replace("size=3\n", "size=3\nflipped=1\n")
    assert written(loaded(text), tmp_path) == base_file()


def test_upto_writes_the_first_layers_as_the_command_partial(tmp_path: Path) -> None:
    data = written(loaded(), tmp_path, upto=2)
    assert data == base_file()[: start_of(2, "biases")]
    again = graph_of()
    read_weights(data, again, upto=2)
    assert np.array_equal(filled(again)[:134], values()[:134])


@pytest.mark.parametrize("option", ["dontload", "dontsave"])
def test_layers_that_are_not_to_be_saved_are_left_out_with_a_note(tmp_path: Path, option: str) -> None:
    graph, findings = graph_of(BASE.replace("size=1\n", f"size=1\n{option}=1\n")), Findings()
    initial_weights(graph)
    data = written(graph, tmp_path, findings=findings)
    assert len(data) == 25144 - 40
    assert findings.notes == ["layer 1: not written, or not whole, as options say (dontsave=, dontload=, ...)"]


@pytest.mark.parametrize(
    "options", ["filters=4\nnumload=3\n", "filters=4\ndontloadscales=1\n", "filters=4\ndontload=1\n"]
)
def test_what_is_written_is_what_is_read_with_the_same_cfg(tmp_path: Path, options: str) -> None:
    graph = graph_of(BASE.replace("filters=4\n", options))
    initial_weights(graph, seed=2)
    again = graph_of(BASE.replace("filters=4\n", options))
    read_weights(written(graph, tmp_path), again, seed=2)
    assert np.array_equal(filled(again), filled(graph))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, derandomize=True)
@given(
    layers=st.lists(
        st.tuples(st.integers(1, 4), st.sampled_from([1, 3]), st.booleans(), st.booleans()), min_size=1, max_size=4
    ),
    version=st.sampled_from([(0, 1, 0), (0, 2, 5), (1001, 0, 0), (0, 1001, 0)]),
)
def test_any_network_comes_back_as_it_was_saved(
    tmp_path: Path, layers: list[tuple[int, int, bool, bool]], version: tuple[int, int, int]
) -> None:
    text = "[net]\nwidth=3\nheight=4\nchannels=2\n" + "".join(
        f"[convolutional]\nfilters={filters}\nsize={size}\npad=1\nbatch_normalize={normalized:d}\nflipped={flipped:d}\n"
        for filters, size, normalized, flipped in layers
    )
    text += f"[connected]\noutput=5\nbatch_normalize={layers[0][2]:d}\n"
    graph, again = graph_of(text), graph_of(text)
    initial_weights(graph, seed=len(layers))
    read_weights(written(graph, tmp_path, version=version), again)
    assert np.array_equal(filled(again), filled(graph))


def test_values_of_other_types_and_orders_are_written_as_float32(tmp_path: Path) -> None:
    graph = loaded()
    weights = graph.nodes[2].weights
    weights["weights"] = np.asfortranarray(weights["weights"].astype(np.float64))
    assert written(graph, tmp_path) == base_file()


def test_a_network_without_weights_is_a_header(tmp_path: Path) -> None:
    assert written(graph_of("[net]\ninputs=4\n[softmax]\n"), tmp_path) == header()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"seen": -1}, "seen=-1, expected 0 to"),
        ({"seen": 2**63}, "expected 0 to"),
        ({"upto": 0}, "upto=0, expected 1 to 4"),
        ({"upto": 5}, "upto=5, expected 1 to 4"),
        ({"version": (5000, 0, 0)}, "version 5000.0, expected numbers from 0 to 1099"),
        ({"version": (0, 2, 5), "header_bytes": 16}, "header_bytes=16 for version 0.2, expected 20"),
        ({"version": (1001, 0, 0), "header_bytes": 18}, "expected 16 or 20"),
    ],
)
def test_arguments_are_checked_before_anything_is_written(
    tmp_path: Path, options: dict[str, object], says: str
) -> None:
    with pytest.raises(WeightsError, match=says):
        write_weights(tmp_path / "out.weights", loaded(), **options)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_arrays_that_are_missing_or_of_another_shape_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"\[convolutional\] layer 0: no biases, expected 4"):
        write_weights(tmp_path / "out.weights", graph_of())
    graph = loaded()
    graph.nodes[2].weights["weights"] = np.zeros((3, 7), np.float32)
    with pytest.raises(WeightsError, match=r"\[connected\] layer 2: weights of shape 3x7, expected 3x2048"):
        write_weights(tmp_path / "out.weights", graph)
    assert list(tmp_path.iterdir()) == []


class TestSavingWhatWaits:
    """Networks whose arrays still wait in a file when they are saved."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "net.weights"
        path.write_bytes(base_file())
        return path

    @pytest.fixture
    def graph(self, path: Path) -> Graph:
        graph = graph_of()
        read_weights(path, graph, later=True)
        return graph

    def test_another_file_gets_the_values_and_nothing_is_kept(self, graph: Graph, tmp_path: Path) -> None:
        write_weights(tmp_path / "other.weights", graph)
        assert (tmp_path / "other.weights").read_bytes() == base_file()
        assert not any(node.weights.held for node in graph.nodes)

    @pytest.mark.parametrize("name", ["net.weights", "link.weights"])
    def test_their_own_file_can_be_replaced(self, graph: Graph, path: Path, name: str) -> None:
        (path.parent / "link.weights").symlink_to(path)
        graph.nodes[0].weights["biases"][0] = 7
        write_weights(path.with_name(name), graph)
        expected = base_file()[: start_of(0, "biases")] + np.float32(7).tobytes()
        assert path.read_bytes() == expected + base_file()[len(expected) :]
        assert np.array_equal(filled(graph)[1:], values()[1:])

    def test_a_part_of_them_can_replace_it(self, graph: Graph, path: Path) -> None:
        write_weights(path, graph, upto=1, version=(0, 1, 0))
        assert path.read_bytes() == header((0, 1, 0), size=16) + base_file()[20 : start_of(1, "biases")]
        assert np.array_equal(filled(graph), values())

    def test_replacing_it_again_and_again_changes_nothing(self, graph: Graph, path: Path) -> None:
        for _ in range(3):
            write_weights(path, graph)
            assert path.read_bytes() == base_file()

    def test_where_replacing_it_fails_both_are_as_they_were(
        self, graph: Graph, path: Path, files_of_10_kb_at_most: None
    ) -> None:
        with pytest.raises(WeightsError, match="cannot write the file"):
            write_weights(path, graph)
        assert path.read_bytes() == base_file()
        assert np.array_equal(filled(graph), values())

    def test_a_file_that_has_changed_leaves_the_target_as_it_was(self, graph: Graph, path: Path) -> None:
        target = path.with_name("other.weights")
        target.write_bytes(b"old")
        path.write_bytes(base_file()[:-4] + bytes(4))
        with pytest.raises(WeightsError, match="the file has changed"):
            write_weights(target, graph)
        assert target.read_bytes() == b"old"
        assert sorted(entry.name for entry in path.parent.iterdir()) == ["net.weights", "other.weights"]

    def test_an_array_of_another_shape_in_its_place_is_refused(self, graph: Graph, tmp_path: Path) -> None:
        graph.nodes[1].weights["biases"] = np.zeros(3, np.float32)
        with pytest.raises(WeightsError, match="biases of shape 3, expected 2"):
            write_weights(tmp_path / "other.weights", graph)
