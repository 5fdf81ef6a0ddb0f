"""[logistic] against a naive loop."""

from __future__ import annotations

import numpy as np
import pytest

from tests import reference
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run

TRIALS: Trials = [("", [(3, 5, 4)])]


@pytest.mark.parametrize("shape", [(5, 4, 3), (7,)])
def test_equals_a_naive_loop(shape: tuple[int, ...]) -> None:
    x = 5 * random_input(shape)
    assert_close(run(make_layer("[logistic]"), [x]), reference.activate("logistic", x))


def test_reaches_both_ends_without_nan() -> None:
    found = make_layer("[logistic]").forward([np.array([[-1000, -100, 100, 1000]], np.float32)])
    assert found[0, 0] == 0
    assert found[0, 3] == 1
    assert np.isfinite(found).all()
