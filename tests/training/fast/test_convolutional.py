"""[convolutional] with its activation as a layer of a training pass."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.training.fast.convolutional import LoweredConvolution
from darknetpy.training.fast.program import TrainingProgram
from tests.training.fast.networks import END, Trial, conv, net, section

pytestmark = pytest.mark.quick
HEAD = conv(6, 1, batch_normalize=0)


def layer_of(program: TrainingProgram, index: int) -> LoweredConvolution:
    layer = program._layers[index]
    assert isinstance(layer, LoweredConvolution)
    return layer


def test_a_slope_stays_in_what_is_read() -> None:
    """No array has the activated values: whoever reads them makes them."""
    program = Trial(net((3, 8, 7), conv(18, activation="relu"), HEAD, END)).check()
    assert program._wiring.outputs[0] is layer_of(program, 0).output
    assert program._wiring.outputs[0].slope == 0


@pytest.mark.parametrize("readers", [1, 3])
def test_an_activation_that_is_more_has_an_array_of_its_own(readers: int) -> None:
    again = [section("route", layers="0") + conv(16) for _ in range(readers - 1)]
    program = Trial(net((3, 8, 7), conv(32, activation="mish"), conv(16), *again, HEAD, END)).check()
    assert program._wiring.outputs[0] is not layer_of(program, 0).output


def test_only_a_convolution_without_activation_is_a_plain_sum() -> None:
    program = Trial(
        net((3, 8, 7), conv(16), conv(16, activation="linear"), conv(16, activation="mish"), HEAD, END)
    ).program()
    assert [layer_of(program, index).is_plain_sum for index in range(3)] == [False, True, False]


def test_filters_are_packed_backwards_where_gradients_go_on() -> None:
    layers = (conv(18), conv(17), conv(16), HEAD)
    program = Trial(net((3, 8, 7), *layers, END), frozen={0}).check()
    sizes = [layer_of(program, index).convolution.filters.backward.size for index in range(4)]
    assert [size > 0 for size in sizes] == [False, False, True, True]


def test_statistics_of_a_frozen_layer_are_those_that_are_stored() -> None:
    trial = Trial(net((3, 8, 7), conv(18), conv(17), HEAD, END), frozen={0})
    program = trial.check()
    before = program.result.copy()
    trial.graph.nodes[0].weights["rolling_mean"] += np.float32(0.5)
    trial.check(program)
    assert not np.allclose(before, program.result)
