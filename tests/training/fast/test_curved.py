"""Activations that are more than a slope in fast training, against the plain form in float64."""

from __future__ import annotations

import pytest

from darknetpy.kernels.activations import ACTIVATIONS
from darknetpy.kernels.curves import CURVES
from darknetpy.training.fast.convolutional import LoweredConvolution
from tests.training.fast.networks import END, Trial, conv, net, section

pytestmark = pytest.mark.quick
HEAD = conv(6, 1, batch_normalize=0)
ALL = [name for name, activation in ACTIVATIONS.items() if activation.slope is None]


@pytest.mark.parametrize("activation", ALL)
@pytest.mark.parametrize("normalized", [0, 1])
def test_each_of_them(activation: str, normalized: int) -> None:
    """By kernels the output is an array of blocks, else planar."""
    middle = conv(18, activation=activation, batch_normalize=normalized)
    program = Trial(net((3, 9, 8), conv(20), middle, HEAD, END)).check()
    layer = program._layers[1]
    assert isinstance(layer, LoweredConvolution)
    assert (program._wiring.outputs[1].blocked is not None) == (activation in CURVES)


@pytest.mark.parametrize("activation", ["swish", "normalize_channels"])
def test_several_readers(activation: str) -> None:
    sum_of = section("shortcut", **{"from": -2, "activation": activation})
    layers = (conv(20, activation=activation), conv(20, activation="linear"), sum_of, conv(20, 1), sum_of)
    Trial(net((3, 9, 8), *layers, HEAD, END)).check()


@pytest.mark.parametrize("activation", ["swish", "normalize_channels"])
def test_nobody_wants_the_gradient_of_what_is_frozen(activation: str) -> None:
    layers = (conv(20, activation=activation), conv(18, activation=activation), HEAD)
    Trial(net((3, 9, 8), *layers, END), frozen={0}).check()
