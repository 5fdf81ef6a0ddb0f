"""Operations on channel-blocked arrays against naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.blocked import average_pixels, copy_blocks, pool_maximum, repeat_pixels
from tests import reference
from tests.kernels.running import block, run, strides, unblock
from tests.reference_layers import upsample


def picture(c: int = 20, h: int = 5, w: int = 7, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((2, c, h, w)).astype(np.float32)


def pool(
    x: np.ndarray, size: int, stride_y: int, stride_x: int, padding: int, parts: int = 1, chunks: int = 2
) -> np.ndarray:
    n, c, h, w = x.shape
    height, width = (h + padding - size) // stride_y + 1, (w + padding - size) // stride_x + 1
    source = block(x)
    out = np.zeros((n, source.shape[1], height * width, 16), np.float32)
    sizes = {"blocks": source.shape[1], "height": h, "width": w, "out_height": height, "out_width": width}
    windows = {"size": size, "stride_y": stride_y, "stride_x": stride_x, "padding": padding // 2}
    shared = {"parts": parts, "units": n * source.shape[1] * parts, "chunks": chunks}
    run(
        pool_maximum, chunks, **strides("source", source), **strides("out", out), **sizes, **windows, **shared,
        scratch_bytes=h * width * 64,
    )  # fmt: skip
    return unblock(out, c, height, width)


@pytest.mark.parametrize(
    ("size", "stride_y", "stride_x", "padding"),
    [(2, 2, 2, 1), (2, 1, 1, 1), (3, 2, 1, 2), (5, 1, 1, 4), (2, 2, 2, 0), (1, 2, 2, 4)],
)
def test_maximum_of_windows(size: int, stride_y: int, stride_x: int, padding: int) -> None:
    x = picture()
    expected = reference.max_pool(x.astype(np.float64), size, (stride_y, stride_x), padding)
    np.testing.assert_array_equal(pool(x, size, stride_y, stride_x, padding), expected.astype(np.float32))


@pytest.mark.parametrize("size", [2, 3, 4, 5, 9, 13])
@pytest.mark.parametrize(("stride_y", "stride_x"), [(1, 1), (2, 2), (1, 3)])
@pytest.mark.parametrize(("parts", "chunks"), [(1, 1), (3, 5), (2, 8)])
def test_every_division_gives_the_maximum_of_all_windows(
    size: int, stride_y: int, stride_x: int, parts: int, chunks: int
) -> None:
    x = picture(h=11, w=10)
    for padding in (0, size - 1) if size <= 10 else (size - 1,):
        expected = reference.max_pool(x.astype(np.float64), size, (stride_y, stride_x), padding)
        found = pool(x, size, stride_y, stride_x, padding, min(parts, expected.shape[2]), chunks)
        np.testing.assert_array_equal(found, expected.astype(np.float32))


def test_large_windows_keep_nan() -> None:
    x = picture(h=11, w=10)
    x[0, 3, 5, 5] = np.nan
    found = pool(x, 5, 1, 1, 4)
    right = np.zeros(x.shape, bool)
    right[0, 3, 3:8, 3:8] = True
    np.testing.assert_array_equal(np.isnan(found), right)


def test_maximum_keeps_nan_wherever_it_stands_in_the_window() -> None:
    x = np.zeros((1, 1, 2, 8), np.float32)
    for window in range(4):
        x[0, 0, window // 2, 2 * window + window % 2] = np.nan
    assert np.isnan(pool(x, 2, 2, 2, 0)).all()


def test_maximum_of_infinities() -> None:
    x = np.full((1, 1, 2, 2), -np.inf, np.float32)
    assert pool(x, 2, 2, 2, 0)[0, 0, 0, 0] == np.finfo(np.float32).min
    x[0, 0, 1, 1] = np.inf
    assert pool(x, 2, 2, 2, 0)[0, 0, 0, 0] == np.inf


@pytest.mark.parametrize("chunks", [1, 3, 4])
@pytest.mark.parametrize("width", [1, 3, 7, 64])
def test_mean_of_all_pixels(chunks: int, width: int) -> None:
    x = picture(w=width)
    source = block(x)
    out = np.zeros((2, 2, 1, 16), np.float32)
    shared = {"blocks": 2, "pixels": 5 * width, "units": 4, "chunks": chunks}
    run(average_pixels, chunks, **strides("source", source), **strides("out", out), **shared)
    expected = x.astype(np.float64).mean(axis=(2, 3), keepdims=True)
    np.testing.assert_allclose(unblock(out, 20, 1, 1), expected, atol=1e-6)


@pytest.mark.parametrize("stride", [1, 2, 5])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_pixels_become_squares(stride: int, scale: float) -> None:
    x = picture()
    source = block(x)
    out = np.full((2, 2, 35 * stride**2, 16), np.nan, np.float32)
    sizes = {"blocks": 2, "width": 7, "out_height": 5 * stride, "stride": stride}
    run(repeat_pixels, 4, **strides("source", source), **strides("out", out), **sizes, scale=scale)
    expected = upsample(x.astype(np.float64), stride, scale)
    np.testing.assert_array_equal(unblock(out, 20, 5 * stride, 7 * stride), expected.astype(np.float32))


def test_blocks_are_copied_to_their_place() -> None:
    source = block(picture(32))
    out = np.zeros((2, 5, 35, 16), np.float32)
    run(copy_blocks, 4, **strides("source", source), **{**strides("out", out), "out": out[:, 2:]}, blocks=2, pixels=35)
    np.testing.assert_array_equal(out[:, 2:4], source)
    assert not out[:, :2].any()
    assert not out[:, 4].any()
