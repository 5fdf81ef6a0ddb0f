"""The matrices of Winograd's convolution F(m x m, 3 x 3), exactly, by the construction of Cook and Toom.

A filter of 3 and a window of m + 2 values give m outputs with m + 2 multiplications instead of 3 m: both are taken for
polynomials, evaluated at m + 1 points and at infinity, multiplied there, and interpolated. In two dimensions

    outputs = A^T [(G g G^T) * (B^T d B)] A

Which points matters for rounding only. 0, +-3/4, +-3/2 make half the error of the usual 0, +-1, +-2, and all of them
are exact in float32.

With a stride of 2 an output is the sum of two convolutions: the filter's outer values meet the even values of the
window, the middle one the odd ones. The first takes m + 1 multiplications for m outputs instead of 2 m, the second m,
so that both together are of the same form with 2 m + 1 of them instead of 3 m.

Source: A. Lavin and S. Gray, Fast Algorithms for Convolutional Neural Networks (2015), for the form.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

TAPS = 3

Matrix = list[list[Fraction]]


class Form(NamedTuple):
    """One way to convolve: outputs of a tile in a row, the stride, and the finite points of interpolation."""

    tile: int
    stride: int
    points: list[Fraction]

    @property
    def window(self) -> int:
        """Values of a window in a row, and multiplications as well."""
        return self.stride * (self.tile - 1) + TAPS


FORMS = {
    2: Form(2, 1, [Fraction(0), Fraction(1), Fraction(-1)]),
    4: Form(4, 1, [Fraction(0), Fraction(3, 4), Fraction(-3, 4), Fraction(3, 2), Fraction(-3, 2)]),
    22: Form(2, 2, [Fraction(1), Fraction(-1)]),
}
"""The forms by number: the tile's, with 20 added for a stride of 2."""


class Matrices(NamedTuple):
    """``inverse`` is A^T (m rows of n), ``filters`` is G (n of 3), ``forward`` is B^T (n of n); n is the window's."""

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


def cook_toom(form: int) -> Matrices:
    """The matrices of a form. One row a point, infinity last, and then the odd values where the stride is 2.

    >>> [[int(number) for number in row] for row in cook_toom(2).inverse]
    [[1, 1, 1, 0], [0, 1, -1, 1]]
    """
    tile, stride, points = FORMS[form][:3]
    if stride == 1:
        return _interpolation(points, tile, TAPS)
    return _with_odd_values(_interpolation(points, tile, TAPS - 1))


def _interpolation(points: list[Fraction], tile: int, taps: int) -> Matrices:
    """The matrices for ``tile`` outputs of a filter of ``taps``, of stride 1; one point fewer than values."""
    inverse = [[*(point**i for point in points), Fraction(int(i == tile - 1))] for i in range(tile)]
    filters, forward = [], []
    for point in points:
        others = [other for other in points if other != point]
        scale = Fraction(1)
        for other in others:
            scale *= point - other
        filters.append([point**k / scale for k in range(taps)])
        forward.append([*_with_roots(others), Fraction(0)])
    filters.append([*[Fraction(0)] * (taps - 1), Fraction(1)])
    forward.append(_with_roots(points))
    return Matrices(inverse, filters, forward)


def _with_odd_values(even: Matrices) -> Matrices:
    """Those for a filter of 3 and a stride of 2, from those for its two outer values on the even values."""
    tile, window = len(even.inverse), 2 * len(even.inverse) + 1
    unit = [[Fraction(int(i == j)) for j in range(window)] for i in range(window)]
    inverse = [[*row, *unit[i][:tile]] for i, row in enumerate(even.inverse)]
    filters = [[first, Fraction(0), last] for first, last in even.filters] + [unit[1][:TAPS]] * tile
    spread = [[row[j // 2] if j % 2 == 0 else Fraction(0) for j in range(window)] for row in even.forward]
    return Matrices(inverse, filters, spread + unit[1::2])
