"""[route] against naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.errors import ConfigError
from darknetpy.layers.base import Layer
from tests import reference
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run

TRIALS: Trials = [
    ("layers=-1,0", [(3, 5, 4), (2, 5, 4)]),
    ("layers=-1 groups=2 group_id=1", [(4, 5, 4)]),
    ("layers=-1,0", [(3, 5, 4), (2, 2, 2)]),
]


@pytest.mark.parametrize(("groups", "group_id"), [(1, 0), (2, 0), (2, 1)])
def test_joins_the_same_part_of_each_input(groups: int, group_id: int) -> None:
    inputs = [random_input((4, 3, 5), seed=1), random_input((6, 3, 5), seed=2), random_input((2, 3, 5), seed=3)]
    layer = make_layer(f"[route] layers=0,-3,-1 groups={groups} group_id={group_id}")
    assert layer.sources() == (0, 1, 3)
    assert_close(run(layer, inputs), reference.join(inputs, groups, group_id), tolerance=0)


def test_a_part_of_one_layer_is_a_copy() -> None:
    x = random_input((6, 2, 2))
    found = run(make_layer("[route] layers=-1 groups=3 group_id=1"), [x])
    assert np.array_equal(found, x[:, 2:4])
    assert not np.shares_memory(found, x)


def test_different_sizes_are_joined_flat() -> None:
    inputs = [random_input((2, 4, 4)), random_input((3, 2, 2))]
    layer = make_layer("[route] layers=0,1")
    assert layer.output_shape([(2, 4, 4), (3, 2, 2)]) == (44,)
    found = run(layer, inputs)
    assert np.array_equal(found, np.concatenate([x.reshape(2, -1) for x in inputs], axis=1))


def test_different_sizes_are_refused_unless_flat_layers_follow() -> None:
    layer = make_layer("[route] layers=0,1")
    shapes = [(2, 4, 4), (3, 2, 2)]
    flat, picture = make_layer("[connected]"), make_layer("[maxpool]")
    layer.check_readers(shapes, [flat])
    refused: list[list[Layer]] = [[picture], [flat, picture], []]
    for readers in refused:
        with pytest.raises(ConfigError) as caught:
            layer.check_readers(shapes, readers)
        assert "layer 0 is 2x4x4, layer 1 is 3x2x2" in caught.value.found
        assert caught.value.option == "layers"


@pytest.mark.parametrize(
    ("layers", "found"),
    [
        ("4", "layers=4 refers to the layer itself"),
        ("7", "layers=7 means layer 7, which does not come before layer 4"),
        ("-5", "layers=-5 means layer -1, which does not come before layer 4"),
    ],
)
def test_references_must_point_to_earlier_layers(layers: str, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer(f"[route] layers={layers}").sources()
    assert caught.value.found == found
    assert caught.value.line == 4


def test_first_layer_has_nothing_to_route() -> None:
    with pytest.raises(ConfigError, match="an earlier layer, and there is none"):
        make_layer("[route] layers=-1", index=0).sources()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[route]", "no layers="),
        ("[route] layers=-1 groups=2 group_id=5", "group_id=5 with groups=2"),
        ("[route] layers=abc", "layers=abc"),
    ],
)
def test_bad_options_are_refused(text: str, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer(text)
    assert caught.value.found == found


def test_groups_must_divide_channels() -> None:
    with pytest.raises(ConfigError, match="groups=3 with 4 channels of layer 3"):
        make_layer("[route] layers=-1 groups=3").output_shape([(4, 2, 2)])
