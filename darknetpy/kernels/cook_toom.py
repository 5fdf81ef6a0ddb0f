"""The matrices of Winograd's convolution F(m x m, 3 x 3), exactly, by the construction of Cook and Toom.

A filter of 3 and a window of m + 2 values give m outputs with m + 2 multiplications instead of 3 m: both are taken for
polynomials, evaluated at m + 1 points and at infinity, multiplied there, and interpolated. In two dimensions

    outputs = A^T [(G g G^T) * (B^T d B)] A

Which points matters for rounding only. 0, +-3/4, +-3/2 make half the error of the usual 0, +-1, +-2, and all of them
are exact in float32.

Source: A. Lavin and S. Gray, Fast Algorithms for Convolutional Neural Networks (2015), for the form.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

TAPS = 3
POINTS: dict[int, list[Fraction]] = {
    2: [Fraction(0), Fraction(1), Fraction(-1)],
    4: [Fraction(0), Fraction(3, 4), Fraction(-3, 4), Fraction(3, 2), Fraction(-3, 2)],
}
"""Outputs of a tile in a row -> the finite points of interpolation."""

Matrix = list[list[Fraction]]


class Matrices(NamedTuple):
    """``inverse`` is A^T (m rows of m + 2), ``filters`` is G (m + 2 of 3), ``forward`` is B^T (m + 2 of m + 2)."""

    inverse: Matrix
    filters: Matrix
    forward: Matrix


def _times_root(polynomial: list[Fraction], root: Fraction) -> list[Fraction]:
    """A polynomial, lowest power first, times (x - root)."""
    raised = [Fraction(0), *polynomial]
    lower = [*polynomial, Fraction(0)]
    return [high - root * low for high, low in zip(raised, lower, strict=True)]


def _with_roots(roots: list[Fraction]) -> list[Fraction]:
    polynomial = [Fraction(1)]
    for root in roots:
        polynomial = _times_root(polynomial, root)
    return polynomial


def cook_toom(tile: int) -> Matrices:
    """The matrices for tiles of ``tile`` x ``tile`` outputs, 2 or 4. One row a point, infinity last.

    >>> [[int(number) for number in row] for row in cook_toom(2).inverse]
    [[1, 1, 1, 0], [0, 1, -1, 1]]
    """
    points = POINTS[tile]
    inverse = [[*(point**i for point in points), Fraction(int(i == tile - 1))] for i in range(tile)]
    filters, forward = [], []
    for point in points:
        others = [other for other in points if other != point]
        scale = Fraction(1)
        for other in others:
            scale *= point - other
        filters.append([point**k / scale for k in range(TAPS)])
        forward.append([*_with_roots(others), Fraction(0)])
    filters.append([Fraction(0), Fraction(0), Fraction(1)])
    forward.append(_with_roots(points))
    return Matrices(inverse, filters, forward)
