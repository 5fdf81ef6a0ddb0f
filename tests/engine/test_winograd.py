"""Winograd convolutions through the engine's steps, against naive loops in float64."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from darknetpy.engine import winograd
from darknetpy.engine.convolutions import Geometry
from darknetpy.engine.plan import BLOCKED, Plan, Run, Workspace
from darknetpy.engine.program import Program
from darknetpy.engine.threads import Team
from darknetpy.engine.winograd import SPLIT_TILES, PackedWinograd, divide_products, divide_tiles, lower_winograd
from darknetpy.kernels.cook_toom import FORMS
from tests.engine.networks import all_layers, assert_agrees, assert_same_bits, network, pictures
from tests.kernels.running import unblock
from tests.kernels.test_convolution import expected as naive

TOLERANCE = 1e-5  # of a layer's largest value

SHAPES = [  # pictures, channels, height, width, filters, padding
    (1, 16, 8, 8, 16, 1),
    (2, 20, 13, 11, 33, 1),
    (1, 5, 7, 23, 100, 0),
    (3, 64, 30, 31, 48, 2),
    (1, 33, 5, 5, 16, 4),
    (1, 16, 3, 3, 16, 0),
    (2, 17, 1, 1, 16, 1),
    (1, 16, 64, 32, 16, 1),
]


def convolve(packed: PackedWinograd, x: np.ndarray, threads: int) -> np.ndarray:
    """The steps for one convolution, alone in a plan whose memory is full of NaN."""
    n, c, h, w = x.shape
    height, width = ((side + 2 * packed.padding - 3) // packed.stride + 1 for side in (h, w))
    shape = packed.filters, height, width
    graph: Any = SimpleNamespace(input_shape=(c, h, w))
    plan = Plan(graph, n, {}, threads)
    source, out = plan.value(-1, BLOCKED), plan.new_value(shape, BLOCKED)
    lower_winograd(plan, packed, source, out)

    def keep(arena: np.ndarray, run: Run) -> None:
        run.results[0] = unblock(out.view(arena), *shape).copy()

    plan.call(keep, [out])
    plan.finish()
    workspace = Workspace(plan)
    workspace._arena[:] = 255
    return workspace.run(x, Team(threads), {})[0]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_both_forms_compute_the_convolution(shape: tuple[int, ...], form: int, monkeypatch: pytest.MonkeyPatch) -> None:
    n, channels, height, width, filters, padding = shape
    random = np.random.default_rng(1)
    x = random.standard_normal((n, channels, height, width)).astype(np.float32)
    weights = random.standard_normal((filters, channels, 3, 3)).astype(np.float32)
    biases = random.standard_normal(filters).astype(np.float32)
    wanted = naive(x.astype(np.float64), weights, biases, Geometry(3, *[FORMS[form].stride] * 2, 1, padding), 0.1)
    packed = PackedWinograd(weights, biases, padding, 0.1, form)
    first = convolve(packed, x, threads=1)
    assert np.abs(first - wanted).max() < TOLERANCE * np.abs(wanted).max()
    for split in (False, True):
        monkeypatch.setattr(winograd, "splits", lambda packed, tiles, threads, split=split: split)
        for threads in (1, 2, 3):
            np.testing.assert_array_equal(convolve(packed, x, threads), first)


@pytest.mark.parametrize(("kernel", "stride"), [("direct", 1), ("winograd2", 1), ("winograd4", 1), ("winograd2/2", 2)])
def test_many_channels_keep_their_accuracy(kernel: str, stride: int) -> None:
    lines = f"convolutional filters=512 size=1\nconvolutional filters=64 size=3 stride={stride} pad=1 activation=leaky"
    graph = network(lines, height=14, width=14)
    batch = pictures(graph, 2) - np.float32(0.5)
    assert_agrees(Program(graph, 2, choose={1: kernel}).run(batch, all_layers(graph)), graph, batch, TOLERANCE)


def test_large_and_small_pictures_with_the_same_weights() -> None:
    graph = network("convolutional filters=24 size=3 pad=1\nconvolutional filters=40 size=3 pad=1 activation=relu")
    program = Program(graph, 2, choose={1: "winograd4"})
    for height, width in ((64, 57), (5, 3)):
        other = graph.resized(height, width)
        batch = pictures(other, 2)
        found = program.run(batch, all_layers(graph))
        assert_agrees(found, other, batch, TOLERANCE)
        assert_same_bits({1: found[1][1:]}, program.run(batch[1:], [1]))


@pytest.mark.parametrize("threads", [1, 2, 3, 16])
@pytest.mark.parametrize("tiles", [SPLIT_TILES + 1, 169, 2704, 100_000])
def test_division_gives_every_thread_work_and_keeps_windows_in_cache(tiles: int, threads: int) -> None:
    packed = PackedWinograd(np.ones((64, 64, 3, 3), np.float32), np.zeros(64, np.float32), 1, 1.0, 4)
    parts = divide_tiles(packed, tiles, threads)
    assert threads <= parts <= tiles
    assert parts % threads == 0
    assert packed.points * packed.point_step(-(-tiles // parts)) <= 1.1 * winograd.POINTS_BYTES


@pytest.mark.parametrize("threads", [1, 2, 3, 16])
@pytest.mark.parametrize(("filters", "tiles"), [(32, 64), (64, 49), (96, 64), (192, 25), (512, 16), (512, 100)])
def test_division_of_products_leaves_no_thread_without_work(filters: int, tiles: int, threads: int) -> None:
    packed = PackedWinograd(np.ones((filters, 64, 3, 3), np.float32), np.zeros(filters, np.float32), 1, 1.0, 4)
    shares, parts = divide_products(packed, tiles, threads)
    assert 1 <= shares <= packed.groups
    assert 1 <= parts <= tiles
    if threads == 2 and tiles >= 32:
        assert shares * parts >= 4 or shares * parts % threads == 0


@pytest.mark.parametrize(
    ("channels", "filters", "tiles", "split"),
    [(512, 1024, 392, True), (512, 512, 49, True), (128, 256, 361, False), (128, 32, 64, False)],
)
def test_weights_of_late_layers_are_read_few_times(channels: int, filters: int, tiles: int, split: bool) -> None:
    weights = np.zeros((filters, channels, 3, 3), np.float32)
    assert winograd.splits(PackedWinograd(weights, np.zeros(filters, np.float32), 1, 1.0, 2), tiles, 2) == split
