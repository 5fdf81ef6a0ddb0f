"""Sums of layers in the engine against the plain form: every kernel, activation, shape, and where the sum lies."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from darknetpy.engine.convolutions import CHUNKS_PER_THREAD
from darknetpy.engine.memory import Value
from darknetpy.engine.plan import BLOCKED, OperationStep, Plan, Run, Workspace
from darknetpy.engine.program import Program
from darknetpy.engine.shortcuts import add_values, divide_all_lines, value_to_add
from darknetpy.engine.threads import Team
from tests.engine.networks import all_layers, assert_agrees, assert_same_bits, network, pictures
from tests.kernels.running import unblock

CONVOLUTION = "convolutional filters=32 size=3 pad=1 activation=leaky"


def kernels(program: Program, images: int) -> list[str]:
    """The operations of a plan for the last layer's output."""
    graph = program.graph
    steps = program.plan((images, *graph.input_shape), [graph.output_index]).steps
    return [step.operation.__name__ for step in steps if isinstance(step, OperationStep)]


def check(lines: str, choose: dict[int, str], size: tuple[int, int] = (23, 29)) -> Program:
    """The last output agrees, with the same bits for any number of threads and with all outputs wanted."""
    graph = network(lines, height=size[0], width=size[1])
    batch, last = pictures(graph, 2), [graph.output_index]
    program = Program(graph, 2, choose=choose)
    found = program.run(batch, last)
    assert_agrees(found, graph, batch, 1e-5)
    assert_same_bits(program.run(batch, last), found)
    for threads in (1, 3):
        assert_same_bits(Program(graph, threads, choose=choose).run(batch, last), found)
    every = program.run(batch, all_layers(graph))
    assert_same_bits({index: every[index] for index in last}, found)
    return program


KERNELS = [(1, "direct"), (3, "direct"), (3, "winograd2"), (3, "winograd4")]


@pytest.mark.parametrize("own", ["linear", "leaky", "relu", "mish", "logistic"])
@pytest.mark.parametrize("last", ["linear", "leaky", "relu"])
@pytest.mark.parametrize(("size", "kernel"), KERNELS)
def test_every_kernel_and_activation(size: int, kernel: str, own: str, last: str) -> None:
    choose = {2: kernel} if size == 3 else {}
    block = f"convolutional filters=32 size={size} pad=1 activation={own}\nshortcut from=-3 activation={last}"
    program = check(f"{CONVOLUTION}\n{CONVOLUTION}\n{block}\n{CONVOLUTION}", choose)
    assert "add_blocks" not in kernels(program, 2)


@pytest.mark.parametrize("own", ["linear", "mish"])
@pytest.mark.parametrize("size", [(64, 57), (5, 3), (1, 1)])
def test_large_and_small_pictures_and_chains_of_sums(size: tuple[int, int], own: str) -> None:
    unit = f"convolutional filters=32 size=1 activation=relu\nconvolutional filters=80 size=3 pad=1 activation={own}"
    chain = f"{unit}\nshortcut from=-3 activation=leaky\n"
    for kernel in ("direct", "winograd4"):
        lines = f"convolutional filters=80 size=1\n{chain}{chain}{chain}"
        program = check(lines, {2: kernel, 5: kernel, 8: kernel}, size)
        assert "add_blocks" not in kernels(program, 2)


@pytest.mark.parametrize(("size", "kernel"), KERNELS)
@pytest.mark.parametrize("filters", [16, 24, 64, 70, 128, 150])
@pytest.mark.parametrize(
    "activations", [("linear", "leaky"), ("leaky", "linear"), ("leaky", "leaky"), ("mish", "linear")]
)
def test_unequal_channels(size: int, kernel: str, filters: int, activations: tuple[str, str]) -> None:
    choose = {2: kernel} if size == 3 else {}
    convolution = f"convolutional filters={filters} size={size} pad=1 activation={activations[0]}"
    lines = f"convolutional filters=64 size=3 activation=relu\n{CONVOLUTION}\n{convolution}"
    check(f"{lines}\nshortcut from=-3 activation={activations[1]}\n{CONVOLUTION}", choose, (9, 10))


@pytest.mark.parametrize("filters", [16, 24, 40, 64])
@pytest.mark.parametrize("stride", [2, 3])
def test_a_larger_and_a_smaller_picture(filters: int, stride: int) -> None:
    smaller = f"convolutional filters={filters} size=3 stride={stride} pad=1 activation=linear"
    check(f"{CONVOLUTION}\n{CONVOLUTION}\n{smaller}\nshortcut from=-3 activation=leaky\n{CONVOLUTION}", {}, (26, 26))
    larger = f"upsample stride={stride}\nconvolutional filters={filters} size=1 activation=leaky\nshortcut from=0"
    check(f"{CONVOLUTION}\n{larger}\n{CONVOLUTION}", {})


def test_a_sum_over_an_array_that_died_needs_no_more_memory() -> None:
    unit = f"convolutional filters=16 size=1\n{CONVOLUTION}\nshortcut from=-3\n"
    sizes = []
    for units in (1, 6):
        graph = network(f"{CONVOLUTION}\n{unit * units}", height=64, width=64)
        plan = Program(graph, threads=1, choose={}).plan((1, *graph.input_shape), [graph.output_index])
        assert len(plan.sums) == units
        sizes.append(plan.arena_bytes)
    whole, half = (Value((channels, 64, 64), 1, BLOCKED).size for channels in (32, 16))
    assert sizes[0] == sizes[1] <= max(whole + half, 2 * whole)  # two of them: the last is handed over planar


MEETING = [
    ((20, 5, 7), (33, 5, 7)), ((33, 5, 7), (20, 5, 7)), ((32, 5, 7), (16, 5, 7)), ((20, 5, 7), (20, 11, 15)),
    ((20, 11, 15), (20, 5, 7)), ((18, 4, 4), (50, 13, 12)), ((64, 13, 12), (18, 4, 4)), ((16, 5, 7), (16, 9, 13)),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "other"), MEETING)
@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_added_is_what_the_plain_form_adds(
    shape: tuple[int, ...], other: tuple[int, ...], threads: int
) -> None:
    """The sum of two values alone in a plan whose memory is full of NaN."""
    random = np.random.default_rng(1)
    x, y = (random.standard_normal((2, *each)).astype(np.float32) for each in (shape, other))
    y[:, shape[0] :] = np.nan  # channels that the sum does not have
    graph: Any = SimpleNamespace(input_shape=shape)
    plan = Plan(graph, 2, {}, threads)
    source, second, out = plan.value(-1, BLOCKED), plan.new_value(other, BLOCKED), plan.new_value(shape, BLOCKED)

    def fill(arena: np.ndarray, run: Run) -> None:
        lanes = np.full((2, second.blocks * 16, second.pixels), np.nan, np.float32)
        lanes[:, : other[0]] = y.reshape(2, other[0], -1)
        second.view(arena)[:] = lanes.reshape(2, second.blocks, 16, -1).transpose(0, 1, 3, 2)

    def keep(arena: np.ndarray, run: Run) -> None:
        run.results[0] = unblock(out.view(arena), 16 * out.blocks, *shape[1:]).copy()

    plan.call(fill, [second])
    add_values(plan, source, [value_to_add(plan, second, shape)], out, 0.1)
    plan.call(keep, [out])
    plan.finish()
    workspace = Workspace(plan)
    workspace._arena[:] = 255
    found = workspace.run(x, Team(threads), {})[0]
    stride, spread = max(other[2] // shape[2], 1), max(shape[2] // other[2], 1)
    for c, i, j in np.ndindex(*(min(sides) for sides in zip(shape, other, strict=True))):
        x[:, c, i * spread, j * spread] += y[:, c, i * stride, j * stride]
    np.testing.assert_array_equal(found[:, : shape[0]], np.where(x > 0, x, np.float32(0.1) * x))
    assert np.isfinite(found).all()


def test_large_sums_are_shared_and_small_ones_are_not() -> None:
    large, small = (Value((32, side, side), 1, BLOCKED) for side in (208, 20))
    assert divide_all_lines(large, 1) == divide_all_lines(small, 8) == 1
    assert 2 <= divide_all_lines(large, 2) <= 2 * CHUNKS_PER_THREAD
