"""[crop] against naive loops."""

from __future__ import annotations

import pytest

from darknetpy.errors import ConfigError
from tests import reference
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run

TRIALS: Trials = [("crop_height=3 crop_width=4", [(3, 5, 7)])]


@pytest.mark.parametrize(("height", "width"), [(9, 7), (8, 6), (1, 1), (4, 7)])
@pytest.mark.parametrize("noadjust", [0, 1])
def test_equals_naive_loops(height: int, width: int, noadjust: int) -> None:
    x = random_input((3, 9, 7))
    layer = make_layer(f"[crop] crop_height={height} crop_width={width} noadjust={noadjust} flip=1 angle=10")
    assert_close(run(layer, [x]), reference.crop(x, height, width, not noadjust))


def test_the_part_is_a_copy() -> None:
    x = random_input((3, 9, 7))
    found = make_layer("[crop] crop_height=2 crop_width=2 noadjust=1").forward([x])
    found[:] = 0
    assert (x != 0).all()


@pytest.mark.parametrize(
    ("text", "option", "found"),
    [
        ("crop_height=64 crop_width=32", "crop_height", "crop_height=64 of a picture of 32x32"),
        ("crop_height=32 crop_width=33", "crop_width", "crop_width=33 of a picture of 32x32"),
    ],
)
def test_parts_larger_than_the_picture_are_refused(text: str, option: str, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer(f"[crop] {text}").output_shape([(3, 32, 32)])
    assert (caught.value.option, caught.value.found) == (option, found)


@pytest.mark.parametrize("text", ["", "crop_height=3", "crop_width=3"])
def test_both_sides_are_required(text: str) -> None:
    with pytest.raises(ConfigError, match="no crop_"):
        make_layer(f"[crop] {text}")
