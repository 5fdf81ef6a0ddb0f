"""[l2norm] against naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run
from tests.reference_layers import unit_length

TRIALS: Trials = [("", [(3, 5, 4)]), ("", [(7,)])]


@pytest.mark.parametrize("shape", [(5, 4, 3), (1, 2, 2), (7,)])
def test_equals_naive_loops(shape: tuple[int, ...]) -> None:
    x = random_input(shape, n=3)
    assert_close(run(make_layer("[l2norm]"), [x]), unit_length(x))


def test_every_pixel_has_length_one() -> None:
    found = run(make_layer("[l2norm]"), [100 * random_input((5, 4, 3))])
    np.testing.assert_allclose((found**2).sum(axis=1), 1, rtol=1e-12)


def test_a_pixel_of_zeros_stays_so_without_a_warning() -> None:
    x = random_input((5, 4, 3))
    x[0, :, 1, 2] = 0
    found = run(make_layer("[l2norm]"), [x])
    assert not found[0, :, 1, 2].any()
    assert_close(found, unit_length(x))
