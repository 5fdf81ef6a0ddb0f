"""Programs against the plain form of the same graph, and against themselves."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from darknetpy.engine.choose import choose_small
from darknetpy.engine.program import Program, run_apart
from darknetpy.errors import ImageError
from darknetpy.graph import Graph
from tests.engine.networks import MIXED, Results, all_layers, assert_agrees, assert_same_bits, network, pictures

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def graph() -> Graph:
    return network(MIXED)


@pytest.fixture(scope="module")
def program(graph: Graph) -> Program:
    return Program(graph, threads=2)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_every_layer_agrees_with_the_plain_form(graph: Graph, program: Program, n: int) -> None:
    batch = pictures(graph, n)
    assert_agrees(program.run(batch, all_layers(graph)), graph, batch)


def test_other_sizes_of_pictures(graph: Graph, program: Program) -> None:
    for height, width in ((40, 17), (9, 9)):
        other = graph.resized(height, width)
        batch = pictures(other, 2)
        assert_agrees(program.run(batch, all_layers(graph)), other, batch)


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_the_same_bits_with_any_number_of_threads(graph: Graph, threads: int) -> None:
    batch = pictures(graph, 3)
    alone = Program(graph, threads=1).run(batch, all_layers(graph))
    several = Program(graph, threads=threads)
    for _ in range(5):
        assert_same_bits(several.run(batch, all_layers(graph)), alone)


def test_an_image_has_the_same_bits_alone_and_in_a_batch(graph: Graph, program: Program) -> None:
    batch = pictures(graph, 3)
    convolutions = range(5)  # the plain layers behind them are NumPy's
    together = program.run(batch, convolutions)
    alone = program.run(batch[1:2], convolutions)
    assert_same_bits({index: output[1:2] for index, output in together.items()}, alone)


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_threads_compute_pictures_of_their_own(graph: Graph, n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    batch, wanted = pictures(graph, n), frozenset(range(5))
    alone, several = Program(graph, threads=1), Program(graph, threads=2)
    assert alone.pictures_for_a_thread(batch.shape, wanted) == 0
    assert several.pictures_for_a_thread(batch.shape, wanted) == n // 2
    expected = alone.run(batch, wanted)
    assert_same_bits(several.run(batch, wanted), expected)
    monkeypatch.setattr("darknetpy.engine.program.ARENA_BYTES", 0)
    assert several.pictures_for_a_thread(batch.shape, wanted) == 1
    for _ in range(3):
        assert_same_bits(several.run(batch, wanted), expected)
    monkeypatch.setattr("darknetpy.engine.program.LIGHT_CONNECTIONS", 0)
    assert several.pictures_for_a_thread(batch.shape, wanted) == 0
    assert_same_bits(several.run(batch, wanted), expected)


def test_a_state_still_looks_at_the_whole_batch(graph: Graph) -> None:
    program = Program(graph, threads=2)
    assert program.pictures_for_a_thread((3, *graph.input_shape), frozenset({0})) == 1
    with pytest.raises(ImageError, match="3 rows with time_steps=2"):
        program.run(pictures(graph, 3), {0}, graph.new_state(time_steps=2))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_what_goes_wrong_in_a_part_is_raised_and_ends_the_others(threads: int) -> None:
    begun = []

    def run(part: np.ndarray) -> Results:
        begun.append(int(part[0]))
        if part[0] == 2:
            raise ValueError("part 2")
        return {0: part}

    parts = [np.array([number]) for number in range(100)]
    with pytest.raises(ValueError, match="part 2"):
        run_apart(run, parts, threads)
    assert len(begun) < 100
    found = run_apart(lambda part: {0: part}, parts, threads)
    assert [int(results[0][0]) for results in found] == list(range(100))


def test_the_steps_of_a_recurrent_layer_stay_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("darknetpy.engine.program.ARENA_BYTES", 0)
    graph = network("rnn output=3 hidden=5\nconnected output=2")
    state, plain = graph.new_state(time_steps=6), graph.new_state(time_steps=6)
    batch = pictures(graph, 6)
    found = Program(graph, threads=2).run(batch, [1], state)
    np.testing.assert_allclose(found[1], graph.run(batch, [1], plain)[1], rtol=1e-5)


def test_results_are_the_callers_own(graph: Graph, program: Program) -> None:
    first = program.run(pictures(graph, seed=1), [4])[4]
    kept = first.copy()
    second = program.run(pictures(graph, seed=2), [4])[4]
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, kept)
    assert first.flags.c_contiguous
    assert first.flags.owndata


def test_only_what_is_needed_is_run() -> None:
    graph = network("convolutional filters=4 size=3\nlocal filters=2 size=3 stride=3")
    program = Program(graph, threads=1)
    graph.nodes[1].weights.clear()  # a layer behind the wanted one: running it would fail
    assert set(program.run(pictures(graph), [0])) == {0}
    with pytest.raises(KeyError):
        program.run(pictures(graph), [1])


def test_packed_layers_do_not_need_their_own_arrays(graph: Graph) -> None:
    own = network(MIXED)
    program = Program(own, threads=2)
    for index in program.packed_layers:
        own.nodes[index].weights.clear()
    gc.collect()
    assert program.packed_layers == {0, 2, 3, 4, 7, 9, 12}
    batch = pictures(graph)
    assert_agrees(program.run(batch, [13]), graph, batch)


def test_several_python_threads_may_call_at_once(graph: Graph, program: Program) -> None:
    batches = [pictures(graph, 1 + number % 2, seed=number) for number in range(4)]
    expected = [program.run(batch, [5, 13]) for batch in batches]
    found: dict[int, list[Results]] = {number: [] for number in range(len(batches))}

    def call(number: int) -> None:
        found[number] = [program.run(batches[number], [5, 13]) for _ in range(10)]

    callers = [threading.Thread(target=call, args=(number,)) for number in found]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    for number, results in found.items():
        assert len(results) == 10
        for result in results:
            assert_same_bits(result, expected[number])


def test_nan_in_the_input_is_seen_in_the_output(graph: Graph, program: Program) -> None:
    """Exactly as far as filters reach with direct kernels; Winograd's tiles share it among their pixels."""
    batch = pictures(graph, 2)
    batch[1, 2, 11, 13] = np.nan
    expected = graph.run(batch, all_layers(graph))
    direct = Program(graph, threads=2, choose=choose_small)  # shows NaN where it belongs
    for index, output in direct.run(batch, all_layers(graph)).items():
        np.testing.assert_array_equal(np.isnan(output), np.isnan(expected[index]), err_msg=f"layer {index}")
    for index, output in program.run(batch, all_layers(graph)).items():
        assert np.isnan(output[np.isnan(expected[index])]).all(), f"layer {index}"
        assert not np.isnan(output[0]).any(), f"layer {index}: the other picture"


def test_a_forked_process_can_go_on(graph: Graph, program: Program) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    batch = pictures(graph)
    expected = program.run(batch, [5])
    child = os.fork()
    if child == 0:
        same = np.array_equal(program.run(batch, [5])[5], expected[5])
        os._exit(0 if same else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_threads_do_not_keep_the_interpreter() -> None:
    code = (
        "from tests.engine.networks import *; from darknetpy.engine.program import Program; "
        "graph = network(MIXED); programs = [Program(graph, threads=3) for _ in range(2)]; "
        "[program.run(pictures(graph), [5]) for program in programs]; del programs[0]; print('done')"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120, cwd=ROOT
    )
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "done\n", "")
