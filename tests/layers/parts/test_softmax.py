"""Softmax along one axis."""

from __future__ import annotations

import numpy as np

from darknetpy.layers.parts.softmax import softmax
from tests import reference


def test_equals_naive_loops() -> None:
    x = np.random.default_rng(1).standard_normal((3, 5))
    np.testing.assert_allclose(softmax(x, axis=1), [reference.softmax(row.tolist()) for row in x], rtol=1e-12)
    np.testing.assert_allclose(softmax(x, axis=0).sum(axis=0), np.ones(5))


def test_large_values_do_not_overflow() -> None:
    assert softmax(np.array([[1000.0, 0.0]], np.float32), axis=1).tolist() == [[1, 0]]


def test_keeps_the_dtype() -> None:
    assert softmax(np.zeros((1, 2), np.float32), axis=1).dtype == np.float32
