"""Colours of classes, and letters that can be read on them."""

from __future__ import annotations

import math

import pytest

from darknetpy.images.colours import BLACK, WHITE, class_colour, readable_on

pytestmark = pytest.mark.quick


def as_in_c(class_id: int, classes: int) -> list[float]:
    """Red, green and blue in 0..1, in the steps of get_color."""
    colours = [[1, 0, 1], [0, 0, 1], [0, 1, 1], [0, 1, 0], [1, 1, 0], [1, 0, 0]]
    ratio = (class_id * 123457 % classes) / classes * 5
    low, high = math.floor(ratio), math.ceil(ratio)
    ratio -= low
    return [(1 - ratio) * colours[low][channel] + ratio * colours[high][channel] for channel in (2, 1, 0)]


@pytest.mark.parametrize("classes", [1, 2, 3, 20, 80, 1000])
def test_classes_have_the_colours_of_darknet(classes: int) -> None:
    for class_id in range(classes):
        expected = [int(255 * value) for value in as_in_c(class_id, classes)]
        assert class_colour(class_id, classes) == pytest.approx(expected, abs=1)


def test_letters_contrast_with_every_colour() -> None:
    def light(colour: tuple[int, int, int]) -> float:
        parts = [value / 255 for value in colour]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for class_id in range(80):
        paper = class_colour(class_id, 80)
        lights = sorted([light(paper), light(readable_on(paper))])
        assert (lights[1] + 0.05) / (lights[0] + 0.05) > 4.5, "below what is asked of small text"
    assert readable_on(BLACK) == WHITE
    assert readable_on(WHITE) == BLACK
