"""Winograd's matrices, in exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from darknetpy.kernels.cook_toom import POINTS, Matrix, cook_toom


def exact(matrix: Matrix) -> np.ndarray:
    """An array of fractions, for products without rounding."""
    return np.array(matrix, dtype=object)


@pytest.mark.parametrize("tile", POINTS)
def test_the_transforms_compute_the_convolution_exactly(tile: int) -> None:
    inverse, filters, forward = (exact(matrix) for matrix in cook_toom(tile))
    random = np.random.default_rng(tile)
    window = random.integers(-99, 99, (tile + 2, tile + 2)).astype(object)
    cells = random.integers(-99, 99, (3, 3)).astype(object) / Fraction(7)
    products = (filters @ cells @ filters.T) * (forward @ window @ forward.T)
    found = inverse @ products @ inverse.T
    for y, x in np.ndindex(tile, tile):
        assert found[y, x] == (window[y : y + 3, x : x + 3] * cells).sum()


@pytest.mark.parametrize("tile", POINTS)
def test_transforms_of_pictures_are_exact_in_float32(tile: int) -> None:
    matrices = cook_toom(tile)
    for row in (*matrices.inverse, *matrices.forward):
        for number in row:
            assert Fraction(float(np.float32(float(number)))) == number


def test_the_smaller_tile_is_the_one_of_the_books() -> None:
    assert cook_toom(2).inverse == [[1, 1, 1, 0], [0, 1, -1, 1]]
    assert cook_toom(2).forward == [[-1, 0, 1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, -1, 0, 1]]
