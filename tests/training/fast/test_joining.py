"""[route] and [upsample] in fast training, against the plain form in float64."""

from __future__ import annotations

import pytest

from darknetpy.training.fast.joining import LoweredRoute, LoweredUpsample
from tests.training.fast.networks import END, Trial, conv, net, section

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("filters", "layers"),
    [
        ((16, 16), "-1,-2"),
        ((48, 20), "0,1"),
        ((16, 32), "-1"),
        ((16, 32), "0"),
        ((32, 16), "0,1,0"),
        ((64, 5), "0,1"),
    ],
)
def test_layers_one_after_the_other(filters: tuple[int, int], layers: str) -> None:
    joined = (conv(filters[0]), conv(filters[1], 1), section("route", layers=layers), conv(7))
    program = Trial(net((3, 7, 8), *joined, END)).check()
    assert isinstance(program._layers[2], LoweredRoute)


@pytest.mark.parametrize(
    ("filters", "options"),
    [
        ((20, 16), {"layers": "0,1"}),
        ((16, 16), {"layers": "-1", "groups": 2, "group_id": 1}),
        ((32, 48), {"layers": "0,1", "groups": 2}),
    ],
)
def test_parts_of_blocks_are_joined_plainly(filters: tuple[int, int], options: dict[str, object]) -> None:
    layers = (conv(filters[0]), conv(filters[1], 1), section("route", **options), conv(7))
    program = Trial(net((3, 7, 8), *layers, END)).check()
    assert not isinstance(program._layers[2], LoweredRoute)


@pytest.mark.parametrize(
    ("filters", "options"),
    [
        ((16, 32), {"layers": "-1", "groups": 2, "group_id": 1}),
        ((96, 16), {"layers": "0", "groups": 3, "group_id": 1}),
        ((32, 64), {"layers": "0,1", "groups": 2, "group_id": 0}),
        ((64, 32), {"layers": "1,0,1", "groups": 2, "group_id": 1}),
    ],
)
def test_groups_of_whole_blocks(filters: tuple[int, int], options: dict[str, object]) -> None:
    both = section("route", layers="-1,-3")
    layers = (conv(filters[0]), conv(filters[1], 1), section("route", **options), conv(16), both, conv(7))
    program = Trial(net((3, 7, 8), *layers, END)).check()
    assert isinstance(program._layers[2], LoweredRoute)


def test_every_layer_reads_all_before_it() -> None:
    """As in a DenseNet."""
    layers = [conv(16)]
    for count in range(1, 4):
        layers += [conv(16), section("route", layers=",".join(str(2 * each) for each in range(count)) + ",-1")]
    Trial(net((3, 6, 7), *layers, conv(6, 1), END)).check()


def test_a_route_to_what_activates_plainly() -> None:
    layers = (conv(16, activation="mish"), conv(16, activation="mish"), section("route", layers="-1,-2"), conv(7))
    Trial(net((3, 7, 8), *layers, END)).check()


@pytest.mark.parametrize(
    "options", [{"stride": 1}, {"stride": 2}, {"stride": 3, "scale": 0.5}, {"stride": 2, "scale": 2}]
)
@pytest.mark.parametrize("filters", [5, 33])
def test_larger_pictures(filters: int, options: dict[str, float]) -> None:
    program = Trial(net((3, 5, 4), conv(filters), section("upsample", **options), conv(18), END)).check()
    assert isinstance(program._layers[1], LoweredUpsample)


def test_smaller_pictures_are_made_plainly() -> None:
    program = Trial(net((3, 8, 6), conv(16), section("upsample", stride=2, reverse=1), conv(18), END)).check()
    assert not isinstance(program._layers[1], LoweredUpsample) or program._layers[1].node.options.stride > 0


def test_up_and_joined_with_what_was_there() -> None:
    """As in a detector: the smaller picture, enlarged, beside the larger one."""
    layers = (
        conv(16), section("maxpool", size=2, stride=2), conv(32), conv(16, 1), section("upsample", stride=2),
        section("route", layers="-1,0"), conv(20), conv(6, 1, batch_normalize=0, activation="linear"),
    )  # fmt: skip
    Trial(net((3, 8, 12), *layers, END)).check()
