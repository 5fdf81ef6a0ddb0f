"""Noise that is added to pictures."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.training.noise import with_noise

pytestmark = pytest.mark.quick


def test_noise_has_its_deviation_and_no_mean() -> None:
    pictures = np.full((4, 3, 50, 50), 0.25, np.float32)
    noisy = with_noise(pictures, 0.1, np.random.default_rng(1))
    assert noisy.dtype == np.float32
    assert (pictures == 0.25).all()
    assert noisy.mean() == pytest.approx(0.25, abs=0.002)
    assert noisy.std() == pytest.approx(0.1, rel=0.02)
    assert noisy.min() < 0  # it is not cut off


def test_the_generator_decides() -> None:
    pictures = np.zeros((1, 1, 4, 4), np.float32)
    first, again, other = (with_noise(pictures, 1, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
