"""Planar and channel-blocked arrays are the same numbers in another order."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels import kernel
from darknetpy.kernels.layout import LINE, PAGE, block_stride, blocks_of, load_every_second, to_blocked, to_planar
from darknetpy.kernels.simd import store
from tests.kernels.running import block, run, strides


@pytest.mark.parametrize("channels", [1, 3, 16, 17, 40])
def test_conversion_there_and_back(channels: int) -> None:
    planar = np.random.default_rng(channels).standard_normal((2, channels, 5, 7)).astype(np.float32)
    planar[0, 0, 0, :3] = [np.nan, np.inf, -np.inf]
    blocked = np.full((2, blocks_of(channels), 35, 16), np.nan, np.float32)
    sizes = {"channels": channels, "pixels": 35}
    flat = planar.reshape(2, channels, 35)
    run(to_blocked, 2 * blocks_of(channels), **strides("source", flat), **strides("out", blocked), **sizes)
    np.testing.assert_array_equal(blocked, block(planar))
    back = np.zeros_like(flat)
    run(to_planar, 2 * blocks_of(channels), **strides("source", blocked), **strides("out", back), **sizes)
    np.testing.assert_array_equal(back, flat)


@pytest.mark.parametrize("pixels", [1, 63, 64, 65, 1024])
def test_blocks_never_begin_a_whole_number_of_pages_apart(pixels: int) -> None:
    assert block_stride(pixels) % PAGE != 0
    assert block_stride(pixels) - pixels * LINE in (0, LINE)


@kernel
def copy_line(source: int, out: int) -> None:
    """`load_every_second`, from Python."""
    store(out, load_every_second(source))


def test_every_second_float() -> None:
    source, found = np.arange(40, dtype=np.float32), np.zeros(16, np.float32)
    copy_line(source[3:].ctypes.data, found.ctypes.data)
    np.testing.assert_array_equal(found, source[3:35:2])
