"""Every compiled tile shape against sums in float64, and against each other bit by bit."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from darknetpy.kernels.tiles import UNROLL, run_tiles, tile_shapes

PIXELS = 48  # every width divides some part of it


def run(
    shape: tuple[int, int], source: np.ndarray, offsets: np.ndarray, weights: np.ndarray, biases: np.ndarray,
    turns: int, slope: float = 1.0, ahead_lines: int = 1, other: np.ndarray | None = None, slope_of_sum: float = 0.5,
    far: bool = False,
) -> np.ndarray:  # fmt: skip
    """As many whole tiles as fit; out (blocks, pixels, 16). ``other`` is of that shape, or is ``out`` itself."""
    pixels, blocks = shape
    count = PIXELS // pixels
    out = np.zeros((blocks, PIXELS, 16), np.float32) if other is None else other
    added = (0, 0) if other is None else (other.ctypes.data, other.strides[0])
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 15, ctypes.c_float, ctypes.c_float)(run_tiles.address)
    address = [array.ctypes.data for array in (source, offsets, weights, out, biases)]
    function(
        pixels, blocks, count, *address[:3], len(offsets), turns, address[3], out.strides[0], address[4],
        0 if far else address[2], ahead_lines, *added, slope, slope_of_sum,
    )  # fmt: skip
    return out[:, : count * pixels]


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("turns", [1, 3, 4])
@pytest.mark.parametrize("shape", tile_shapes(planar=False))
def test_blocked_tiles(shape: tuple[int, int], turns: int) -> None:
    blocks, steps = shape[1], 3
    source = random(steps, PIXELS, 16)
    offsets = np.array([2, 0, 1]) * source.strides[0]  # steps come in the order of the table
    weights, biases = random(steps, turns * UNROLL, blocks, 16), random(blocks, 16)
    found = run(shape, source, offsets, weights, biases, turns)
    values = source[[2, 0, 1], :, : turns * UNROLL].astype(np.float64)
    expected = np.einsum("spk,skbl->bpl", values, weights) + biases[:, np.newaxis]
    np.testing.assert_allclose(found, expected[:, : found.shape[1]], atol=1e-5)


@pytest.mark.parametrize("shape", tile_shapes(planar=True))
def test_planar_tiles(shape: tuple[int, int]) -> None:
    blocks, steps = shape[1], 7
    source, biases = random(steps, PIXELS), random(blocks, 16)
    offsets = np.arange(steps) * source.strides[0]
    weights = random(steps, blocks, 16)
    found = run(shape, source, offsets, weights, biases, turns=0)
    expected = np.einsum("sp,sbl->bpl", source.astype(np.float64), weights) + biases[:, np.newaxis]
    np.testing.assert_allclose(found, expected[:, : found.shape[1]], atol=1e-5)


def test_the_same_bits_in_every_shape() -> None:
    source, biases = random(2, PIXELS, 16), random(1, 16)
    offsets = np.arange(2) * source.strides[0]
    weights = random(2, 16, 1, 16)
    alone = run((1, 1), source, offsets, weights, biases, turns=4)
    for pixels, blocks in tile_shapes(planar=False):
        several = np.ascontiguousarray(np.repeat(weights, blocks, axis=2))
        found = run((pixels, blocks), source, offsets, several, np.repeat(biases, blocks, axis=0), turns=4)
        for row in found:
            np.testing.assert_array_equal(row, alone[0, : len(row)])


@pytest.mark.parametrize("slope", [1.0, 0.1, 0.0])
def test_slope_below_zero_and_special_values(slope: float) -> None:
    source = np.zeros((1, PIXELS, 16), np.float32)
    source[0, :4, 0] = [-2.0, 3.0, np.nan, np.inf]
    weights = np.zeros((1, 4, 1, 16), np.float32)
    weights[0, 0] = 1
    found = run((1, 1), source, np.zeros(1, np.int64), weights, np.zeros((1, 16), np.float32), 1, slope)
    np.testing.assert_array_equal(found[0, :4, 0], np.float32([-2 * np.float32(slope), 3, np.nan, np.inf]))


@pytest.mark.parametrize(("slope", "slope_of_sum"), [(1.0, 0.0), (0.1, 1.0), (0.1, 0.1)])
def test_another_array_is_added_after_the_slope(slope: float, slope_of_sum: float) -> None:
    for pixels, blocks in tile_shapes(planar=False):
        source, biases = random(2, PIXELS, 16), random(blocks, 16)
        offsets = np.arange(2) * source.strides[0]
        weights = random(2, 16, blocks, 16)
        alone = run((pixels, blocks), source, offsets, weights, biases, 4, slope)
        other = random(blocks, PIXELS, 16)
        total = alone + other[:, : alone.shape[1]]
        expected = np.where(total > 0, total, np.float32(slope_of_sum) * total)
        found = run(
            (pixels, blocks), source, offsets, weights, biases, 4, slope, other=other, slope_of_sum=slope_of_sum
        )
        np.testing.assert_array_equal(found, expected)  # where the other array was: each line is read before


def test_fetching_weights_ahead_changes_nothing() -> None:
    source, weights, biases = random(2, PIXELS, 16), random(2, 16, 1, 16), random(1, 16)
    offsets = np.arange(2) * source.strides[0]
    fetched = run((2, 1), source, offsets, weights, biases, turns=4, ahead_lines=1000)
    np.testing.assert_array_equal(fetched, run((2, 1), source, offsets, weights, biases, turns=4))


@pytest.mark.parametrize("turns", [1, 4])
@pytest.mark.parametrize("shape", tile_shapes(planar=False))
def test_fetching_pixels_ahead_changes_nothing(shape: tuple[int, int], turns: int) -> None:
    source, weights, biases = random(2, PIXELS, 16), random(2, 4 * turns, shape[1], 16), random(shape[1], 16)
    offsets = np.arange(2) * source.strides[0]
    fetched = run(shape, source, offsets, weights, biases, turns, ahead_lines=2, far=True)
    np.testing.assert_array_equal(fetched, run(shape, source, offsets, weights, biases, turns))
