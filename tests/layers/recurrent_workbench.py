"""A recurrent layer by itself on the bench: several steps, several sequences, one call or several."""

from __future__ import annotations

import numpy as np

from darknetpy.layers.base import RecurrentLayer, Shape
from darknetpy.layers.state import LayerState
from tests.layers.workbench import assert_close, fill, make_layer

STEPS, SEQUENCES = 5, 2


def make(text: str, shape: Shape, dialect: str = "alexeyab") -> RecurrentLayer:
    """The layer of ``[section] name=value ...`` with random arrays, small enough that gates are not saturated."""
    layer = make_layer(text, dialect=dialect)
    assert isinstance(layer, RecurrentLayer)
    layer.output_shape([shape])
    fill(layer, [shape])
    for name, values in layer.weights.items():
        if name.endswith("weights"):
            layer.weights[name] = (values / np.sqrt(values[0].size)).astype(np.float32)
    return layer


def sequences(shape: Shape, steps: int = STEPS) -> np.ndarray:
    """Random input (steps, sequences, *shape), float64."""
    return np.random.default_rng(2).standard_normal((steps, SEQUENCES, *shape))


def rows(x: np.ndarray) -> np.ndarray:
    """(steps, sequences, *shape) as a layer takes it."""
    return x.reshape(-1, *x.shape[2:])


def assert_advances(layer: RecurrentLayer, x: np.ndarray, expected: np.ndarray) -> None:
    """All steps in one call, two calls, and a call for each step give ``expected`` (steps, sequences, *shape)."""
    expected = expected.reshape(*x.shape[:2], *layer.output_shape([x.shape[2:]]))
    for parts in ([len(x)], [2, len(x) - 2], [1] * len(x)):
        state, first = LayerState(), 0
        for steps in parts:
            state.time_steps = steps
            part = slice(first, first + steps)
            before = {name: (values, values.copy()) for name, values in state.items()}
            assert_close(layer.advance([rows(x[part])], state), rows(expected[part]))
            assert all(np.array_equal(values, copy) for values, copy in before.values()), "old arrays were written to"
            first += steps
    assert_close(layer.forward([x[0]]), expected[0])
