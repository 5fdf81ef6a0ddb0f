"""Layers that are made of parts."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.layers.parts.assembled import Assembled
from tests.layers.waiting import Kept
from tests.layers.workbench import fill, make_layer, random_input


@pytest.fixture
def layer() -> Assembled:
    made = make_layer("[rnn] output=2 hidden=3 activation=linear")
    assert isinstance(made, Assembled)
    fill(made, [(4,)])
    return made


def test_arrays_are_called_by_their_part(layer: Assembled) -> None:
    names = [array.name for array in layer.arrays([(4,)])]
    assert names == [f"{part}_{name}" for part in ("input", "self", "output") for name in ("biases", "weights")]


def test_a_part_runs_with_its_own_arrays(layer: Assembled) -> None:
    x = random_input((4,))
    found = layer.run_part("input", x, layer.parts((4,))["input"])
    np.testing.assert_allclose(
        found[..., 0, 0], x @ layer.weights["input_weights"].T + layer.weights["input_biases"], rtol=1e-12
    )


def test_arrays_that_wait_are_read(layer: Assembled) -> None:
    x = random_input((4,))
    before = layer.forward([x])
    layer.weights.come_later(Kept(dict(layer.weights)))
    assert np.array_equal(layer.forward([x]), before)


def test_flops_and_temporary_values_are_those_of_the_parts(layer: Assembled) -> None:
    assert layer.flops([(4,)]) == 2 * (4 * 3 + 3 * 3 + 3 * 2)
    assert layer.temporary([(4,)]) == 3 + 3 + 2
