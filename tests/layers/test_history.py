"""[history] against naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.layers.state import LayerState
from tests import reference_recurrent as reference
from tests.layers.recurrent_workbench import assert_advances, make, sequences
from tests.layers.workbench import Trials, make_layer

TRIALS: Trials = [("history_size=3", [(2, 5, 4)])]

SHAPE = (2, 3, 4)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7])
def test_equals_naive_loops(size: int) -> None:
    layer, x = make(f"[history] history_size={size}", SHAPE), sequences(SHAPE)
    assert_advances(layer, x, reference.history(x, size))


def test_values_are_copied_to_the_bit() -> None:
    layer, x = make("[history]", SHAPE), sequences(SHAPE, 6).astype(np.float32)
    state = LayerState()
    for step, expected in enumerate(reference.history(x, 4).astype(np.float32)):
        assert np.array_equal(layer.advance([x[step]], state), expected)


def test_the_caller_may_write_into_the_output() -> None:
    layer, state = make("[history] history_size=2", (1, 1, 1)), LayerState()
    layer.advance([np.full((1, 1, 1, 1), 5.0)], state)[:] = 9
    assert layer.advance([np.full((1, 1, 1, 1), 6.0)], state).ravel().tolist() == [6, 5]


def test_four_pictures_by_default_and_no_arrays() -> None:
    layer = make_layer("[history]")
    assert layer.output_shape([SHAPE]) == (8, 3, 4)
    assert layer.arrays([SHAPE]) == []
    assert layer.window() == (1, 1, 1, 1)
