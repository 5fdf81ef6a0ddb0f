"""[convolutional] in fast training: every way its three products are formed, against the plain form in float64."""

from __future__ import annotations

import pytest

from darknetpy.training.fast.convolutional import LoweredConvolution
from darknetpy.training.fast.convolutions import MOST_PLANAR, TrainedConvolution
from darknetpy.training.fast.program import TrainingProgram
from tests.training.fast.networks import END, Trial, conv, net

pytestmark = pytest.mark.quick
HEAD = conv(6, 1, batch_normalize=0)


def convolutions(program: TrainingProgram) -> list[TrainedConvolution]:
    """Of a program, in order."""
    return [layer.convolution for layer in program._layers.values() if isinstance(layer, LoweredConvolution)]


@pytest.mark.parametrize("channels", [1, 2, 15, 16, 17, 31, 33, 48, 50, 64, 70])
def test_every_number_of_channels(channels: int) -> None:
    between = conv(70 - channels + 1, batch_normalize=channels % 2)
    Trial(net((channels, 7, 6), conv(channels, 1, batch_normalize=0), between, conv(channels), HEAD, END)).check()


@pytest.mark.parametrize("channels", [1, MOST_PLANAR, MOST_PLANAR + 1])
@pytest.mark.parametrize(("size", "stride", "pad"), [(3, 1, 1), (3, 1, 0), (7, 2, 1), (5, 3, 0), (1, 1, 1), (2, 2, 0)])
def test_pictures_are_read_as_they_lie(channels: int, size: int, stride: int, pad: int) -> None:
    normalized = int(size > 1)  # behind a filter of one weight it would take all meaning from that
    first = conv(20, size, stride=stride, pad=pad, batch_normalize=normalized)
    program = Trial(net((channels, 15, 17), first, HEAD, END)).check()
    assert [convolution.cells.planar for convolution in convolutions(program)] == [channels <= MOST_PLANAR, False]


@pytest.mark.parametrize("normalized", [0, 1])
@pytest.mark.parametrize(
    "options",
    [
        {"size": 3, "stride": 2},
        {"size": 3, "stride_x": 2, "stride_y": 1},
        {"size": 3, "stride_x": 1, "stride_y": 3},
        {"size": 1, "stride": 2},
        {"size": 1, "pad": 0, "padding": 1},
        {"size": 2, "stride": 1},
        {"size": 4, "stride": 4, "pad": 0},
        {"size": 5},
        {"size": 7, "stride": 2},
        {"size": 3, "pad": 0},
        {"size": 3, "pad": 0, "padding": 2},
        {"size": 3, "pad": 0, "padding": 4},
        {"size": 3, "dilation": 2},
        {"size": 3, "dilation": 3},
        {"size": 5, "dilation": 2, "stride": 2},
        {"size": 2, "stride": 3, "pad": 0},
        {"size": 1, "stride": 3},
    ],
    ids=str,
)
def test_every_window(options: dict[str, int], normalized: int) -> None:
    middle = conv(33, **{**options, "batch_normalize": normalized})
    Trial(net((3, 13, 11), conv(18, 1, batch_normalize=normalized), middle, HEAD, END)).check()


@pytest.mark.parametrize(
    "activation", ["linear", "leaky", "relu", "relie", "revleaky", "mish", "swish", "logistic", "tanh", "relu6"]
)
@pytest.mark.parametrize("normalized", [0, 1])
def test_every_activation(activation: str, normalized: int) -> None:
    first = conv(20, activation=activation, batch_normalize=normalized)
    Trial(net((3, 9, 8), first, conv(17, 1, activation=activation, batch_normalize=0), HEAD, END)).check()
    Trial(net((3, 9, 8), conv(20, batch_normalize=normalized), conv(17, activation=activation), END)).check()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 5), (2, 3), (4, 4), (5, 6), (8, 8), (9, 13), (3, 40)])
def test_every_size_of_picture(height: int, width: int) -> None:
    """Winograd's tiles hang over the rim; one pixel alone has a variance over the pictures only."""
    Trial(net((16, height, width), conv(20), conv(17, 1), conv(33), HEAD, END), images=5).check()


@pytest.mark.parametrize("images", [1, 2, 7])
def test_every_form_of_winograd(images: int) -> None:
    program = Trial(net((16, 12, 12), conv(32), conv(48), conv(64, 3, stride=2), HEAD, END), images).check()
    forms = [convolution.cells.form for convolution in convolutions(program)]
    assert all(form in (2, 4) for form in forms[:2])
    assert forms[2:] == [0, 0]


def test_many_filters_are_read_once() -> None:
    program = Trial(net((16, 6, 6), conv(300), conv(290), conv(280, 1), HEAD, END), images=2).check()
    split = [convolution.cells.splits for convolution in convolutions(program)]
    assert split[1], "gathering is an operation of its own"
    assert convolutions(program)[1].cells.slices == 0, "products are divided, not slices"


def test_a_large_filter_with_many_channels() -> None:
    """Neither Winograd's form, nor a whole number of groups of blocks, nor slices."""
    program = Trial(net((16, 5, 4), conv(120, 1), conv(112, 5), HEAD, END), images=2).check()
    cells = convolutions(program)[1].cells
    assert (cells.form, cells.slices, cells.out_blocks) == (0, 0, 7)


def test_filters_whose_taps_lie_outside_everywhere() -> None:
    Trial(net((16, 2, 2), conv(20, 5), conv(18, 7), HEAD, END)).check()


def test_the_last_rows_of_a_picture_that_no_filter_reads() -> None:
    Trial(net((16, 12, 11), conv(20, 3, stride=3, pad=0), conv(18, 2, stride=2, pad=0), HEAD, END)).check()
