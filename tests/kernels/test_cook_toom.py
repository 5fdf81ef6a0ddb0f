"""Winograd's matrices, in exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from darknetpy.kernels.cook_toom import FORMS, Matrix, cook_toom


def exact(matrix: Matrix) -> np.ndarray:
    """An array of fractions, for products without rounding."""
    return np.array(matrix, dtype=object)


@pytest.mark.parametrize("form", FORMS)
def test_the_transforms_compute_the_convolution_exactly(form: int) -> None:
    inverse, filters, forward = (exact(matrix) for matrix in cook_toom(form))
    random = np.random.default_rng(form)
    tile, stride, _ = FORMS[form]
    window = random.integers(-99, 99, (FORMS[form].window, FORMS[form].window)).astype(object)
    cells = random.integers(-99, 99, (3, 3)).astype(object) / Fraction(7)
    products = (filters @ cells @ filters.T) * (forward @ window @ forward.T)
    found = inverse @ products @ inverse.T
    for y, x in np.ndindex(tile, tile):
        top, left = stride * y, stride * x
        assert found[y, x] == (window[top : top + 3, left : left + 3] * cells).sum()


@pytest.mark.parametrize("form", FORMS)
def test_transforms_of_pictures_are_exact_in_float32(form: int) -> None:
    matrices = cook_toom(form)
    for row in (*matrices.inverse, *matrices.forward):
        for number in row:
            assert Fraction(float(np.float32(float(number)))) == number


def test_the_smaller_tile_is_the_one_of_the_books() -> None:
    assert cook_toom(2).inverse == [[1, 1, 1, 0], [0, 1, -1, 1]]
    assert cook_toom(2).forward == [[-1, 0, 1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, -1, 0, 1]]
