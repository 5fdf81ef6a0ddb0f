from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.resampling import resample_bytes, resample_planes

LEVELS = (np.arange(256) / 255).astype(np.float32)


def mixed(values: np.ndarray, row: float, column: float) -> np.ndarray:
    """Bilinear value of (h, w, c) float64 at a fractional position, pixels outside repeated."""
    h, w, _ = values.shape
    top, left = int(row), int(column)
    below, right = min(top + 1, h - 1), min(left + 1, w - 1)
    down, along = row - top, column - left
    upper = (1 - along) * values[top, left] + along * values[top, right]
    lower = (1 - along) * values[below, left] + along * values[below, right]
    return (1 - down) * upper + down * lower


def run(picture: np.ndarray, rows: np.ndarray, columns: np.ndarray, top: int, left: int, out: np.ndarray) -> None:
    whole = [np.floor(places).astype(np.int64) for places in (rows, columns)]
    shares = [(places - index).astype(np.float32) for places, index in zip((rows, columns), whole, strict=True)]
    if picture.dtype == np.uint8:
        resample_bytes(picture, whole[0], shares[0], whole[1], shares[1], LEVELS, top, left, out)
    else:
        resample_planes(picture, whole[0], shares[0], whole[1], shares[1], top, left, out)


@pytest.mark.parametrize("layout", ["bytes", "planes"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_positions_in_any_order_give_the_bilinear_mix_of_their_four_pixels(layout: str, channels: int) -> None:
    rng = np.random.default_rng(channels)
    picture = rng.integers(0, 256, (7, 9, channels), dtype=np.uint8)
    rows, columns = rng.uniform(0, 6, 5), rng.uniform(0, 8, 6)
    rows[2], columns[3] = 6, 8  # the last pixels, which have no next one
    out = np.full((channels, 10, 12), -1, np.float32)
    given = picture if layout == "bytes" else (picture.transpose(2, 0, 1) / 255).astype(np.float32)
    run(np.ascontiguousarray(given), rows, columns, 3, 4, out)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            wanted = mixed(picture / 255, row, column)
            assert np.abs(out[:, 3 + i, 4 + j] - wanted).max() < 1e-6
    out[:, 3:8, 4:10] = -1
    assert (out == -1).all()  # nothing beside the window was written


def test_whole_positions_give_the_levels_themselves() -> None:
    picture = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    out = np.empty((1, 16, 16), np.float32)
    run(picture, np.arange(16.0), np.arange(16.0), 0, 0, out)
    assert np.array_equal(out.ravel(), LEVELS)


def test_a_value_that_is_not_a_number_stays_one() -> None:
    planes = np.zeros((1, 2, 2), np.float32)
    planes[0, 1, 1] = np.nan
    out = np.empty((1, 1, 1), np.float32)
    run(planes, np.array([0.5]), np.array([0.5]), 0, 0, out)
    assert np.isnan(out[0, 0, 0])
