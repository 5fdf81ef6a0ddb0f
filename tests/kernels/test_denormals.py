"""Numbers below 1.2e-38."""

from __future__ import annotations

import platform

import numpy as np
import pytest

from darknetpy.kernels import kernel
from darknetpy.kernels.denormals import flush_denormals, restore_denormals


@kernel
def enter() -> int:
    """Take denormals for zero from here on; the control word before."""
    return flush_denormals()


@kernel
def leave(control: int) -> None:
    """As it was."""
    restore_denormals(control)


@kernel
def scale(values: np.ndarray, factor: float, out: np.ndarray) -> None:
    """out = values * factor."""
    for index in range(len(values)):
        out[index] = values[index] * factor


def scaled(values: np.ndarray, factor: float) -> np.ndarray:
    out = np.empty_like(values)
    scale(values, np.float32(factor), out)
    return out


@pytest.mark.skipif(platform.machine().lower() not in {"x86_64", "amd64"}, reason="changes nothing on other CPUs")
def test_denormals_are_zero_until_the_control_word_is_back() -> None:
    tiny, small = np.full(40, 1e-40, np.float32), np.full(40, 1e-37, np.float32)
    normal = np.linspace(-3, 3, 41, dtype=np.float32)
    before = scaled(tiny, 2), scaled(small, 0.01), scaled(normal, 0.7)
    assert before[0].all()
    assert before[1].all()
    control = enter()
    try:
        flushed = scaled(tiny, 2), scaled(small, 0.01), scaled(normal, 0.7)
    finally:
        leave(np.int32(control))
    assert not flushed[0].any()
    assert not flushed[1].any()
    np.testing.assert_array_equal(flushed[2], before[2])
    np.testing.assert_array_equal(scaled(tiny, 2), before[0])
    assert (tiny * np.float32(2)).all()
