"""The blur of antialiasing=."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.layers.base import Window
from darknetpy.layers.parts.blur import blur, blurred_shape, cells, widened
from tests import reference
from tests.layers.workbench import assert_close, random_input


@pytest.mark.parametrize("antialiasing", [1, 2])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2), (3, 2)])
@pytest.mark.parametrize("shape", [(3, 7, 6), (1, 4, 9)])
def test_equals_naive_loops(antialiasing: int, strides: tuple[int, int], shape: tuple[int, int, int]) -> None:
    x = random_input(shape)
    found = blur(x, antialiasing, strides)
    assert_close(found, reference.blur(x, antialiasing, strides))
    assert found.shape[1:] == blurred_shape(shape, antialiasing, strides)


@pytest.mark.parametrize("antialiasing", [1, 2])
def test_keeps_the_mean_inside_and_the_dtype(antialiasing: int) -> None:
    found = blur(np.ones((1, 1, 6, 6), np.float32), antialiasing, (1, 1))
    assert found.dtype == np.float32
    assert np.all(found[:, :, 1:-1, 1:-1] == 1)


def test_counts_its_cells_and_widens_windows() -> None:
    assert (cells(1), cells(2)) == (9, 4)
    assert widened(Window(3, 3, 1, 1), 0, (2, 2)) == (3, 3, 1, 1)
    assert widened(Window(3, 3, 1, 1), 1, (2, 3)) == (5, 5, 2, 3)
    assert widened(Window(3, 3, 1, 1), 2, (2, 2)) == (4, 4, 2, 2)
