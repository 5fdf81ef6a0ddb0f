"""Max pooling forwards and backwards against the layer in plain form, in float64."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from darknetpy.kernels.training.pooling import (
    BAND_BYTES,
    Division,
    divide_backwards,
    divide_forwards,
    pool_back,
    pool_forward,
)
from darknetpy.layers.tape import Tape
from tests.kernels.running import LANES, run, strides
from tests.kernels.training.lines import Finished, Loaded, activated, finishes, numbers
from tests.layers.workbench import make_layer


class Case(NamedTuple):
    """Windows over pictures."""

    height: int
    width: int
    size: int
    stride_y: int
    stride_x: int
    padding: int

    @property
    def outside(self) -> tuple[int, int]:
        """Height and width of the output."""
        height = (self.height + self.padding - self.size) // self.stride_y + 1
        return height, (self.width + self.padding - self.size) // self.stride_x + 1

    def fields(self) -> dict[str, int]:
        height, width = self.outside
        return {
            "height": self.height, "width": self.width, "out_height": height, "out_width": width, "size": self.size,
            "stride_y": self.stride_y, "stride_x": self.stride_x, "padding": self.padding // 2,
        }  # fmt: skip

    def planar(self, x: np.ndarray, sides: tuple[int, int]) -> np.ndarray:
        n, blocks = x.shape[:2]
        return x.transpose(0, 1, 3, 2).reshape(n, blocks * LANES, *sides).astype(np.float64)

    def blocked(self, x: np.ndarray) -> np.ndarray:
        n, c, h, w = x.shape
        return x.reshape(n, c // LANES, LANES, h * w).transpose(0, 1, 3, 2)

    def plain(self, x: np.ndarray, gradient: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Output and gradient by the input of the layer, blocked."""
        text = f"size={self.size} stride_x={self.stride_x} stride_y={self.stride_y} padding={self.padding}"
        layer, tape = make_layer(f"[maxpool] {text}"), Tape()
        out = layer.forward([self.planar(x, (self.height, self.width))], tape)
        (by_x,) = layer.backward(self.planar(gradient, self.outside), tape)
        assert by_x is not None
        return self.blocked(out), self.blocked(by_x)

    def forward(self, source: Loaded, division: Division | None = None) -> np.ndarray:
        n, blocks = source.array.shape[:2]
        out_height, out_width = self.outside
        found = division or divide_forwards(n, blocks, self.width, out_height, out_width, self.size, self.stride_y)
        out = np.full((n, blocks, out_height * out_width, LANES), np.nan, np.float32)
        run(
            pool_forward, found.parts * blocks, scratch_bytes=found.scratch_bytes, **strides("out", out),
            source=source.record(), images=n, blocks=blocks, rows=found.rows, parts=found.parts, **self.fields(),
        )  # fmt: skip
        return out

    def back(self, source: Loaded, gradient: np.ndarray, finished: Finished, division: Division | None = None) -> None:
        n, blocks = source.array.shape[:2]
        found = division or divide_backwards(n, blocks, self.height, self.width, self.size, self.stride_y)
        run(
            pool_back, found.parts * blocks, scratch_bytes=found.scratch_bytes, **strides("gradient", gradient),
            source=source.record(), finishing=finished.record(), images=n, blocks=blocks, rows=found.rows,
            parts=found.parts, **self.fields(),
        )  # fmt: skip

    def random(self, n: int = 2, blocks: int = 2) -> tuple[Loaded, np.ndarray]:
        """A source, and a gradient by the output."""
        height, width = self.outside
        return activated(n, blocks, self.height * self.width), numbers(n, blocks, height * width, LANES, seed=4)


WINDOWS = [(2, 2, 2, 1), (2, 2, 2, 0), (2, 1, 1, 1), (3, 2, 2, 2), (3, 2, 1, 2), (3, 2, 2, 1), (5, 1, 1, 4),
           (1, 2, 2, 0), (2, 3, 3, 1), (3, 3, 3, 2), (3, 1, 3, 0), (1, 2, 2, 6), (2, 2, 2, 3),
           (4, 3, 2, 3)]  # fmt: skip
"""size, stride_y, stride_x, padding."""
CASES = [Case(*sides, *windows) for sides in [(8, 6), (7, 9), (5, 5)] for windows in WINDOWS]
CASES += [Case(1, 1, 1, 1, 1, 0), Case(1, 1, 2, 2, 2, 1), Case(1, 9, 2, 2, 2, 1), Case(13, 11, 13, 1, 1, 12)]


def small_bands(case: Case, rows: int, parts: int) -> Division:
    """A division by so many rows."""
    lines = 4 * (case.size + rows * case.stride_y) * (case.width + case.outside[1])
    return Division(rows, parts, lines * LANES * 4)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_largest_value_of_each_window(case: Case) -> None:
    source, gradient = case.random()
    expected, _ = case.plain(source.meaning(), gradient)
    whole = case.forward(source)
    np.testing.assert_allclose(whole, expected, atol=2e-6)
    for rows, parts in [(1, 3), (3, 2)]:
        np.testing.assert_array_equal(case.forward(source, small_bands(case, rows, parts)), whole)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_gradient_goes_to_the_largest_value_and_is_finished(case: Case) -> None:
    source, gradient = case.random()
    _, expected = case.plain(source.meaning(), gradient)
    division = divide_backwards(2, 2, case.height, case.width, case.size, case.stride_y)
    for finished in finishes(2, 2, case.height * case.width, division.parts):
        case.back(source, gradient, finished)
        finished.check(expected)
    for rows, parts in [(1, 3), (2, 2), (3, 4)]:
        for finished in finishes(2, 2, case.height * case.width, parts):
            case.back(source, gradient, finished, small_bands(case, rows, parts))
            finished.check(expected)


@pytest.mark.parametrize("windows", WINDOWS)
def test_of_equal_values_the_first_gets_the_gradient(windows: tuple[int, int, int, int]) -> None:
    case = Case(7, 8, *windows)
    source, gradient = case.random()
    flat = Loaded(np.random.default_rng(3).integers(0, 2, source.array.shape).astype(np.float32))
    out, expected = case.plain(flat.array, gradient)
    np.testing.assert_array_equal(case.forward(flat), out)
    finished = finishes(2, 2, 56, 1)[0]
    case.back(flat, gradient, finished)
    finished.check(expected, 2e-6)


def test_a_picture_of_many_bands() -> None:
    case = Case(45, 67, 2, 2, 2, 1)
    assert case.height * case.width * LANES * 4 > 4 * BAND_BYTES
    source, gradient = case.random(3, 1)
    out, expected = case.plain(source.meaning(), gradient)
    np.testing.assert_allclose(case.forward(source), out, atol=2e-6)
    parts = divide_backwards(3, 1, case.height, case.width, case.size, case.stride_y).parts
    assert parts > 1
    for finished in finishes(3, 1, case.height * case.width, parts):
        case.back(source, gradient, finished)
        finished.check(expected)


@pytest.mark.parametrize("windows", [(2, 2, 2, 1), (3, 2, 2, 2), (5, 1, 1, 4)])
@pytest.mark.parametrize("cell", [0, 8, 17, 34])
def test_nan_among_values_makes_its_windows_nan(windows: tuple[int, int, int, int], cell: int) -> None:
    case = Case(5, 7, *windows)
    source, gradient = Loaded(numbers(1, 1, 35, LANES)), case.random(1, 1)[1]
    source.array[0, 0, cell, 3] = np.nan
    out, _ = case.plain(source.array, gradient)
    np.testing.assert_array_equal(np.isnan(case.forward(source)), np.isnan(out))
    assert np.isnan(out).any()


@pytest.mark.parametrize("windows", [(2, 2, 2, 1), (3, 2, 2, 2), (5, 1, 1, 4)])
@pytest.mark.parametrize("in_values", [False, True])
def test_nan_among_gradients_stays_visible(windows: tuple[int, int, int, int], in_values: bool) -> None:
    case = Case(5, 7, *windows)
    source, gradient = Loaded(numbers(1, 1, 35, LANES)), case.random(1, 1)[1]
    gradient[0, 0, 5, 3] = np.nan
    if in_values:
        source.array[...] = np.nan
    finished = Finished(np.zeros((1, 1, 35, LANES), np.float32))
    case.back(source, gradient, finished)
    assert np.isnan(finished.out[..., 3]).sum() == 1
    assert np.isnan(finished.out).sum() == 1


def test_a_window_wholly_outside_gives_the_lowest_number_and_loses_its_gradient() -> None:
    case = Case(2, 2, 1, 1, 1, 4)
    source, gradient = Loaded(numbers(1, 1, 4, LANES)), np.ones((1, 1, 36, LANES), np.float32)
    out = case.forward(source).reshape(6, 6, LANES)
    assert (out[0] == np.finfo(np.float32).min).all()
    np.testing.assert_array_equal(out[2:4, 2:4].reshape(4, LANES), source.array[0, 0])
    finished = Finished(np.full((1, 1, 4, LANES), np.nan, np.float32))
    case.back(source, gradient, finished)
    assert (finished.out == 1).all()
