"""Lines of text as arrays."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.images.fonts import Fonts
from darknetpy.images.lettering import Lettering

pytestmark = pytest.mark.quick


def letters(text: str, ending: str = " 97%", width: int = 1000, size: int = 20) -> np.ndarray:
    return Lettering(size, Fonts([])).mask(text, ending, width)


def test_a_line_has_a_margin_around_its_letters() -> None:
    mask = letters("dog")
    assert mask.dtype == np.uint8
    assert mask.max() == 255
    assert not mask[:, :4].any()
    assert not mask[:, -4:].any()
    assert mask[:, 4:-4].any()


def test_letters_with_tails_and_accents_are_whole() -> None:
    mask = letters("|gjpqy|")
    assert not mask[0].any()
    assert not mask[-1].any()


@pytest.mark.parametrize("size", [12, 20, 80])
def test_lines_of_one_size_are_equally_high(size: int) -> None:
    heights = {letters(text, size=size).shape[0] for text in ("a", "gyp", "ABC", "\u72d7")}
    assert len(heights) == 1
    assert size <= heights.pop() <= 2 * size


def test_a_long_line_is_cut_and_its_ending_stays() -> None:
    width = 200
    cut, whole = letters("a very long class name that goes on and on", width=width), letters("a", width=width)
    assert width - 20 <= cut.shape[1] <= width
    ending = 30
    np.testing.assert_array_equal(cut[:, -ending:] > 128, whole[:, -ending:] > 128)


def test_where_there_is_room_for_one_only_the_text_stays() -> None:
    np.testing.assert_array_equal(letters("dog", width=50), letters("dog", ending=""))
    np.testing.assert_array_equal(letters("elephant", width=50), letters("el...", ending=""))
    np.testing.assert_array_equal(letters("dog", width=1), letters("...", ending=""))


def test_the_same_text_gives_the_same_letters() -> None:
    np.testing.assert_array_equal(letters("dog"), letters("dog"))
    assert letters("dog").shape == letters("dog").shape
