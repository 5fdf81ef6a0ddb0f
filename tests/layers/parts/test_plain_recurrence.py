"""The recurrence of [rnn] and [crnn]; their tests compare it with naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.layers.base import RecurrentLayer
from darknetpy.layers.state import LayerState
from tests.layers.workbench import make_layer


@pytest.mark.parametrize(("shortcut", "expected"), [(0, [1, 3, 7, 15]), (1, [1, 4, 13, 40])])
def test_hidden_values_see_themselves_one_step_before(shortcut: int, expected: list[int]) -> None:
    layer = make_layer(f"[rnn] activation=linear shortcut={shortcut}")
    assert isinstance(layer, RecurrentLayer)
    for part, weight in (("input", 1), ("self", 2), ("output", 10)):
        layer.weights[f"{part}_weights"] = np.full((1, 1), weight, np.float32)
        layer.weights[f"{part}_biases"] = np.zeros(1, np.float32)
    state = LayerState(time_steps=3)
    assert layer.advance([np.ones((3, 1))], state).ravel().tolist() == [10 * value for value in expected[:3]]
    assert state["hidden"].ravel().tolist() == expected[2:3]
    state.time_steps = 1
    assert layer.advance([np.ones((1, 1))], state).ravel().tolist() == [10 * expected[3]]
