"""[convolutional] with a group for each channel in fast training, against the plain form in float64."""

from __future__ import annotations

import pytest

from darknetpy.training.fast.convolutional import LoweredConvolution
from darknetpy.training.fast.depthwise import TrainedDepthwise
from tests.training.fast.networks import END, Trial, conv, net, section

pytestmark = pytest.mark.quick
HEAD = conv(6, 1, batch_normalize=0)


def depthwise(channels: int, size: int = 3, **options: object) -> str:
    return conv(channels, size, groups=channels, **options)


def check(trial: Trial, count: int) -> None:
    """It is right, and so many convolutions were depthwise in fast form."""
    layers = trial.check()._layers.values()
    found = [layer for layer in layers if isinstance(layer, LoweredConvolution)]
    assert sum(isinstance(layer.convolution, TrainedDepthwise) for layer in found) == count


@pytest.mark.parametrize("normalized", [0, 1])
@pytest.mark.parametrize(
    "options",
    [
        {"size": 3},
        {"size": 3, "stride": 2},
        {"size": 3, "stride_x": 2, "stride_y": 1},
        {"size": 3, "stride_x": 1, "stride_y": 3},
        {"size": 5, "stride": 2},
        {"size": 7},
        {"size": 3, "pad": 0},
        {"size": 3, "pad": 0, "padding": 2},
        {"size": 2, "stride": 3, "pad": 0},
    ],
    ids=str,
)
def test_every_window(options: dict[str, int], normalized: int) -> None:
    middle = depthwise(18, **{**options, "batch_normalize": normalized})
    check(Trial(net((3, 13, 11), conv(18, 1, batch_normalize=normalized), middle, HEAD, END)), 1)


def test_a_window_of_one_pixel() -> None:
    """Without batch normalization, which would take all meaning from a filter of one weight."""
    check(Trial(net((3, 9, 8), conv(20), depthwise(20, 1, batch_normalize=0), HEAD, END)), 1)


@pytest.mark.parametrize("channels", [2, 15, 16, 17, 48])
def test_every_number_of_channels(channels: int) -> None:
    check(Trial(net((channels, 7, 6), depthwise(channels), depthwise(channels, 5), HEAD, END)), 2)


@pytest.mark.parametrize("activation", ["linear", "relu", "mish", "relu6"])
def test_every_kind_of_activation(activation: str) -> None:
    middle = depthwise(20, activation=activation)
    check(Trial(net((3, 9, 8), conv(20, 1), middle, conv(20, 1), HEAD, END)), 1)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 5), (2, 3), (3, 40)])
def test_every_size_of_picture(height: int, width: int) -> None:
    check(Trial(net((16, height, width), conv(20), depthwise(20), HEAD, END), images=5), 1)


def test_several_readers() -> None:
    sum_of = section("shortcut", **{"from": -2, "activation": "linear"})
    check(Trial(net((3, 9, 8), conv(20), depthwise(20, activation="linear"), sum_of, depthwise(20), HEAD, END)), 2)


def test_a_frozen_one() -> None:
    check(Trial(net((3, 9, 8), conv(20), depthwise(20), conv(20), depthwise(20), HEAD, END), frozen={0, 1}), 2)


@pytest.mark.parametrize(
    "text",
    [
        conv(20, 3, groups=2),
        conv(40, 3, groups=20),
        depthwise(20, dilation=2),
        depthwise(20, 3, pad=0, padding=3),
    ],
)
def test_other_groups_run_plainly(text: str) -> None:
    check(Trial(net((3, 9, 8), conv(20), text, HEAD, END)), 0)
