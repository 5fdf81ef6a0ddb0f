"""Weights files into arrays: every form of the header, partial files, damaged files, reading later."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknetpy.errors import Findings, WeightsError
from darknetpy.graph import Graph, initial_weights
from darknetpy.weights.reader import read_weights
from tests.weights.networks import BASE, BASE_VALUES, base_file, filled, graph_of, header, start_of, values

MATRIX = values()[-6144:]
"""The connected layer's matrix as the base file holds it."""


@pytest.mark.quick
def test_every_array_gets_its_own_values() -> None:
    graph = graph_of()
    report = read_weights(base_file(seen=640), graph)
    assert np.array_equal(filled(graph), values())
    assert graph.nodes[0].weights["weights"].shape == (4, 3, 3, 3)
    for node in graph.nodes:
        for array in node.weights.values():
            assert array.dtype == np.float32
            assert array.flags.c_contiguous
            assert array.flags.owndata
    assert (report.version, report.header_bytes, report.seen) == ((0, 2, 5), 20, 640)
    assert (report.layers_loaded, report.parameters, report.bytes) == (3, BASE_VALUES, 25144)
    assert (report.path, report.notes) == (None, ())


def test_a_path_is_read_like_bytes(tmp_path: Path) -> None:
    path = tmp_path / "net.weights"
    path.write_bytes(base_file())
    for source in (path, str(path)):
        graph = graph_of()
        report = read_weights(source, graph)
        assert report.path == str(path)
        assert np.array_equal(filled(graph), values())


@pytest.mark.parametrize(
    ("version", "size"), [((0, 0, 0), 16), ((0, 1, 0), 16), ((0, 2, 0), 20), ((0, 2, 5), 20), ((1, 0, 0), 20)]
)
def test_both_lengths_of_header_are_read(version: tuple[int, int, int], size: int) -> None:
    graph = graph_of()
    report = read_weights(base_file(version, seen=1234, size=size), graph)
    assert (report.header_bytes, report.seen) == (size, 1234)
    assert np.array_equal(filled(graph), values())


@pytest.mark.parametrize("size", [16, 20])
@pytest.mark.parametrize("version", [(1001, 0, 0), (0, 1001, 0), (1001, 2, 0)])
def test_where_programs_disagree_about_the_header_the_size_decides(version: tuple[int, int, int], size: int) -> None:
    graph = graph_of()
    report = read_weights(base_file(version, seen=5, size=size), graph)
    assert (report.header_bytes, report.seen) == (size, 5)
    assert len(report.notes) == (size == 20)


def test_transposed_files_hold_connected_matrices_as_inputs_by_outputs() -> None:
    graph = graph_of()
    read_weights(base_file((1001, 0, 0), size=16), graph)
    matrix = graph.nodes[2].weights["weights"]
    for output, source in ((0, 0), (0, 1), (1, 0), (2, 2047)):
        assert matrix[output, source] == MATRIX[source * 3 + output]
    assert matrix.flags.c_contiguous
    plain = graph_of()
    read_weights(base_file(), plain)
    for index in (0, 1):
        assert np.array_equal(graph.nodes[index].weights["weights"], plain.nodes[index].weights["weights"])


def test_flipped_filters_are_read_as_cells_by_filters() -> None:
    graph = graph_of(BASE.replace("size=3\n", "size=3\nflipped=1\n"))
    read_weights(base_file(), graph)
    filters = graph.nodes[0].weights["weights"]
    block = values()[16:124]
    for number, cell in ((0, 0), (0, 1), (1, 0), (3, 26)):
        assert filters[number].ravel()[cell] == block[cell * 4 + number]
    assert filters.flags.c_contiguous


def test_values_are_little_endian_whatever_the_machine() -> None:
    graph = graph_of("[net]\nwidth=1\nheight=1\nchannels=1\n[convolutional]\n")
    read_weights(header() + bytes.fromhex("0000803f 0000 2041"), graph)
    assert float(graph.nodes[0].weights["biases"][0]) == 1.0
    assert float(graph.nodes[0].weights["weights"].item()) == 10.0


class TestWhatTheFileDoesNotFill:
    """dontload=, dontloadscales=, numload=, share_index=, upto=."""

    def test_dontload_keeps_initial_values(self) -> None:
        graph, fresh = self.graphs(BASE.replace("size=1\n", "size=1\ndontload=1\n"))
        data = base_file()
        report = read_weights(data[: start_of(1, "biases")] + data[start_of(2, "biases") :], graph)
        assert np.array_equal(graph.nodes[1].weights["weights"], fresh.nodes[1].weights["weights"])
        assert np.array_equal(graph.nodes[2].weights["weights"].ravel(), MATRIX)
        assert report.layers_loaded == 2
        assert "layer 1 (dontload=1)" in report.notes[0]

    def test_dontloadscales_leaves_scale_1_mean_0_variance_0(self) -> None:
        graph = graph_of(BASE.replace("batch_normalize=1\n", "batch_normalize=1\ndontloadscales=1\n"))
        data = base_file()
        report = read_weights(data[: start_of(0, "scales")] + data[start_of(0, "weights") :], graph)
        weights = graph.nodes[0].weights
        assert [weights[name].tolist() for name in ("scales", "rolling_mean", "rolling_variance")] == [
            [1] * 4, [0] * 4, [0] * 4
        ]  # fmt: skip
        assert np.array_equal(weights["weights"].ravel(), values()[16:124])
        assert "dontloadscales=1" in report.notes[0]

    def test_numload_fills_the_first_filters(self) -> None:
        graph, fresh = self.graphs(BASE.replace("filters=2\n", "filters=2\nnumload=1\n"))
        data = base_file()
        one = np.array([0.25, 1, 2, 3, 4], "<f4").tobytes()
        report = read_weights(data[: start_of(1, "biases")] + one + data[start_of(2, "biases") :], graph)
        weights = graph.nodes[1].weights
        assert weights["biases"].tolist() == [0.25, 0]
        assert weights["weights"][0].ravel().tolist() == [1, 2, 3, 4]
        assert np.array_equal(weights["weights"][1], fresh.nodes[1].weights["weights"][1])
        assert "numload=" in report.notes[0]

    def test_a_shared_layer_has_the_very_arrays_of_the_other(self) -> None:
        text = "[net]\nwidth=2\nheight=2\nchannels=2\n" + "[convolutional]\nfilters=2\n" * 2 + "share_index=0\n"
        graph = graph_of(text)
        report = read_weights(header() + values(6).tobytes(), graph)
        assert graph.nodes[1].weights["weights"] is graph.nodes[0].weights["weights"]
        assert (report.layers_loaded, report.parameters) == (1, 6)

    def test_a_partial_file_with_upto_leaves_the_rest_initial(self) -> None:
        graph, fresh = self.graphs(BASE)
        report = read_weights(base_file()[: start_of(2, "biases")], graph, upto=2)
        assert (report.layers_loaded, report.parameters) == (2, 134)
        assert np.array_equal(filled(graph)[:134], values()[:134])
        assert np.array_equal(filled(graph)[134:], filled(fresh)[134:])

    def test_upto_reads_the_beginning_of_a_whole_file(self) -> None:
        graph, findings = graph_of(), Findings()
        report = read_weights(base_file(), graph, upto=1, findings=findings)
        assert report.layers_loaded == 1
        assert "24628 bytes for the layers from 1 on are not read" in findings.notes[0]
        assert findings.warnings == []

    def test_upto_warns_when_the_file_goes_on_as_another_network(self) -> None:
        findings = Findings()
        read_weights(base_file() + bytes(8), graph_of(), upto=1, findings=findings)
        assert "are not those of the next layers" in str(findings.warnings[0])

    def test_values_that_a_layer_has_stay_where_the_file_has_none(self) -> None:
        graph = graph_of()
        initial_weights(graph, seed=9)
        before = filled(graph)
        read_weights(base_file()[: start_of(2, "biases")], graph, upto=2)
        assert np.array_equal(filled(graph)[134:], before[134:])

    def test_initial_values_do_not_depend_on_what_else_is_loaded(self) -> None:
        graph = graph_of()
        read_weights(base_file()[: start_of(2, "biases")], graph, upto=2, seed=3)
        other = graph_of()
        initial_weights(other, seed=3)
        assert np.array_equal(graph.nodes[2].weights["weights"], other.nodes[2].weights["weights"])
        bound = (2 / 2048) ** 0.5
        matrix = graph.nodes[2].weights["weights"]
        assert np.abs(matrix).max() <= bound
        assert abs(matrix.std() / (bound / 3**0.5) - 1) < 0.03

    @pytest.mark.parametrize("upto", [0, -1, 5])
    def test_upto_must_be_a_number_of_layers(self, upto: int) -> None:
        with pytest.raises(WeightsError, match=f"upto={upto}, expected 1 to 4"):
            read_weights(base_file(), graph_of(), upto=upto)

    @staticmethod
    def graphs(text: str) -> tuple[Graph, Graph]:
        fresh = graph_of(text)
        initial_weights(fresh)
        return graph_of(text), fresh


class TestDamagedFiles:
    """allow_damaged=True uses what there is."""

    def test_an_array_that_is_cut_is_used_as_far_as_it_goes(self) -> None:
        graph, fresh, findings = graph_of(), graph_of(), Findings()
        initial_weights(fresh)
        report = read_weights(base_file()[: start_of(2, "weights") + 4 * 10 + 3], graph, allow_damaged=True,
                              findings=findings)  # fmt: skip
        matrix, expected = graph.nodes[2].weights["weights"].ravel(), fresh.nodes[2].weights["weights"].ravel()
        assert np.array_equal(matrix[:10], MATRIX[:10])
        assert np.array_equal(matrix[10:], expected[10:])
        assert (report.layers_loaded, report.parameters) == (2, 134 + 3 + 10)
        assert "cut off in weights" in str(findings.warnings[0])
        assert "does not fill all of layer 2" in report.notes[0]

    def test_a_turned_matrix_that_is_cut_keeps_values_in_their_places(self) -> None:
        graph, fresh = graph_of(), graph_of()
        initial_weights(fresh)
        data = base_file((1001, 0, 0), size=16)
        read_weights(data[: start_of(2, "weights", 16) + 4 * 4], graph, allow_damaged=True)
        matrix, expected = graph.nodes[2].weights["weights"], fresh.nodes[2].weights["weights"].copy()
        expected[:, 0], expected[0, 1] = MATRIX[:3], MATRIX[3]
        assert np.array_equal(matrix, expected)

    def test_surplus_bytes_are_left_alone(self) -> None:
        graph, findings = graph_of(), Findings()
        read_weights(base_file() + b"surplus", graph, allow_damaged=True, findings=findings)
        assert np.array_equal(filled(graph), values())
        assert "7 too many" in str(findings.warnings[0])

    def test_strict_makes_the_warning_an_error_again(self) -> None:
        with pytest.raises(WeightsError, match="7 too many"):
            read_weights(base_file() + b"surplus", graph_of(), allow_damaged=True, findings=Findings(strict=True))

    def test_another_kind_of_file_is_refused_all_the_same(self) -> None:
        with pytest.raises(WeightsError, match="HTML page"):
            read_weights(b"<!DOCTYPE html>" + bytes(99), graph_of(), allow_damaged=True)


@settings(deadline=None, derandomize=True)
@given(
    changes=st.lists(st.tuples(st.integers(0, 79), st.integers(0, 255)), max_size=8),
    length=st.one_of(st.just(80), st.integers(0, 100)),
    allow_damaged=st.booleans(),
    upto=st.sampled_from([None, 1, 2]),
)
def test_damage_of_any_kind_is_a_weights_error_or_leaves_whole_arrays(
    changes: list[tuple[int, int]], length: int, allow_damaged: bool, upto: int | None
) -> None:
    text = "[net]\nwidth=2\nheight=2\nchannels=1\n[convolutional]\nfilters=2\nbatch_normalize=1\n[connected]\n"
    graph = graph_of(text)
    data = bytearray((header() + values(10 + 9).tobytes()).ljust(100, b"?")[:length])
    for place, byte in changes:
        data[place : place + 1] = bytes([byte]) if place < len(data) else b""
    try:
        read_weights(bytes(data), graph, allow_damaged=allow_damaged, upto=upto)
    except WeightsError:
        assert all(node.weights == {} for node in graph.nodes)
    else:
        for node in graph.nodes:
            assert [node.weights[array.name].shape for array in node.arrays] == [array.shape for array in node.arrays]


def test_an_error_leaves_the_network_as_it_was() -> None:
    graph = graph_of()
    initial_weights(graph)
    before = filled(graph)
    bad = bytearray(base_file())
    bad[start_of(0, "rolling_variance") + 3] |= 0x80  # the sign
    with pytest.raises(WeightsError, match="values below 0"):
        read_weights(bytes(bad), graph)
    assert np.array_equal(filled(graph), before)


def test_an_error_leaves_an_array_that_is_filled_in_part_as_it_was() -> None:
    graph = graph_of(BASE.replace("filters=4\n", "filters=4\nnumload=3\n"))
    initial_weights(graph)
    before = filled(graph)
    numbers = values(BASE_VALUES - 4 - 27)
    numbers[9] = -1  # the first variance
    with pytest.raises(WeightsError, match="values below 0"):
        read_weights(header() + numbers.tobytes(), graph)
    assert np.array_equal(filled(graph), before)


def test_reading_takes_no_second_copy(tmp_path: Path) -> None:
    text = "[net]\nwidth=1\nheight=1\nchannels=2048\n[convolutional]\nfilters=2048\n"
    path = tmp_path / "large.weights"
    path.write_bytes(header() + values(2048 * 2049).tobytes())
    graph = graph_of(text)
    tracemalloc.start()
    read_weights(path, graph)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2048 * 2049 + 2**20


class TestLater:
    """Arrays that are looked at now, and read when they are asked for."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "net.weights"
        path.write_bytes(base_file())
        return path

    @pytest.mark.parametrize("version", [(0, 2, 5), (1001, 0, 0)])
    def test_they_are_the_same(self, path: Path, version: tuple[int, int, int]) -> None:
        path.write_bytes(base_file(version))
        graph, usual = graph_of(), graph_of()
        report = read_weights(path, graph, later=True)
        assert report == read_weights(path, usual)
        assert not any(node.weights.held for node in graph.nodes)
        for node, there in zip(graph.nodes, usual.nodes, strict=True):
            for array in there.arrays:
                assert np.array_equal(node.weights[array.name], there.weights[array.name])

    def test_bytes_in_memory_are_read_at_once(self) -> None:
        graph = graph_of()
        read_weights(base_file(), graph, later=True)
        assert len(graph.nodes[0].weights.held) == 5

    def test_what_the_file_does_not_fill_is_there_at_once(self, path: Path) -> None:
        path.write_bytes(base_file()[: start_of(2, "biases")])
        graph, usual = graph_of(), graph_of()
        read_weights(path, graph, upto=2, seed=4, later=True)
        read_weights(path, usual, upto=2, seed=4)
        assert not graph.nodes[0].weights.held
        assert len(graph.nodes[2].weights.held) == 2
        assert np.array_equal(graph.nodes[2].weights["weights"], usual.nodes[2].weights["weights"])
        assert np.array_equal(graph.nodes[0].weights["weights"], usual.nodes[0].weights["weights"])

    def test_values_are_looked_at_all_the_same(self, path: Path) -> None:
        data = bytearray(base_file())
        data[start_of(0, "weights") : start_of(0, "weights") + 4] = np.float32(np.nan).tobytes()
        path.write_bytes(data)
        findings, usual = Findings(), Findings()
        read_weights(path, graph_of(), findings=findings, later=True)
        read_weights(path, graph_of(), findings=usual)
        assert len(findings.warnings) == 1
        assert [str(warning) for warning in findings.warnings] == [str(warning) for warning in usual.warnings]

    def test_little_memory_is_taken(self, tmp_path: Path) -> None:
        text = "[net]\nwidth=1\nheight=1\nchannels=2048\n[convolutional]\nfilters=2048\n"
        path = tmp_path / "large.weights"
        path.write_bytes(header() + values(2048 * 2049).tobytes())
        graph = graph_of(text)
        tracemalloc.start()
        read_weights(path, graph, later=True)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2 * 2**20
