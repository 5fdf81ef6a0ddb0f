"""[maxpool] and [avgpool] in fast training, against the plain form in float64."""

from __future__ import annotations

import pytest

from darknetpy.training.fast.pooling import LoweredAverage, LoweredMaxpool
from tests.training.fast.networks import END, Trial, conv, net, section

pytestmark = pytest.mark.quick
WINDOWS = [
    {"size": 2, "stride": 2},
    {"size": 3, "stride": 2},
    {"size": 2, "stride": 1},
    {"size": 2, "stride": 2, "padding": 0},
    {"size": 5, "stride": 1},
    {"size": 3, "stride_x": 2, "stride_y": 1},
    {"size": 3, "stride_x": 1, "stride_y": 3, "padding": 2},
    {"size": 2, "stride": 3},
    {"size": 1, "stride": 2},
    {"size": 7, "stride": 7, "padding": 0},
]


@pytest.mark.parametrize("activation", ["leaky", "relu", "linear"])
@pytest.mark.parametrize("options", WINDOWS, ids=str)
def test_largest_values(options: dict[str, int], activation: str) -> None:
    """Behind relu many values of a window are 0: the first of them is the largest, as in the plain form."""
    pool = section("maxpool", **options)
    layers = (conv(20, activation=activation), pool, conv(18, 1, batch_normalize=0))
    program = Trial(net((3, 13, 15), *layers, END)).check()
    assert isinstance(program._layers[1], LoweredMaxpool)


def test_pools_of_pools() -> None:
    pool = section("maxpool", size=2, stride=2)
    spread = [section("maxpool", size=size, stride=1) for size in (5, 3)]
    layers = (conv(16), pool, *spread, section("route", layers="-1,-2,-3"), conv(17, 1))
    Trial(net((3, 12, 14), *layers, END)).check()


def test_the_networks_input_can_be_pooled() -> None:
    Trial(net((3, 12, 10), section("maxpool", size=2, stride=2), conv(17), END)).check()
    Trial(
        net((3, 12, 10), section("avgpool"), section("connected", output=4, activation="linear"), "[softmax]\n")
    ).check()


@pytest.mark.parametrize(
    "options", [{"maxpool_depth": 1, "out_channels": 4}, {"antialiasing": 1, "stride": 2, "size": 2}]
)
def test_other_pools_run_plainly(options: dict[str, int]) -> None:
    program = Trial(net((3, 8, 8), conv(16), section("maxpool", **options), conv(17, 1), END)).check()
    assert not isinstance(program._layers[1], LoweredMaxpool)


@pytest.mark.parametrize("sides", [(1, 1), (7, 7), (13, 20), (40, 30)])
@pytest.mark.parametrize("filters", [5, 40])
def test_averages(filters: int, sides: tuple[int, int]) -> None:
    program = Trial(net((3, *sides), conv(filters, 1, batch_normalize=0, activation="linear"), END)).check()
    assert isinstance(program._layers[1], LoweredAverage)


def test_an_average_that_is_read_twice() -> None:
    head = section("connected", output=4, activation="linear")
    layers = (conv(20), "[avgpool]\n", head, "[softmax]\n", section("route", layers="1"), head, "[softmax]\n")
    Trial(net((3, 6, 7), *layers)).check()
