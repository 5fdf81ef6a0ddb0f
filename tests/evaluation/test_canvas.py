"""Paper: what is drawn is there, what reaches beyond it is cut off."""

from __future__ import annotations

import numpy as np

from darknetpy.evaluation.canvas import Canvas, lettered

RED = (255, 0, 0)


def test_rectangles_and_pictures_are_cut_off_at_the_edges() -> None:
    canvas = Canvas(4, 6)
    canvas.fill(2, -1, 9, 3, RED)
    canvas.paste(0, 4, np.zeros((2, 5, 3), np.uint8))
    red, black = (canvas.pixels == RED).all(axis=2), (canvas.pixels == 0).all(axis=2)
    assert np.argwhere(red).tolist() == [[2, 0], [2, 1], [3, 0], [3, 1]]
    assert np.argwhere(black).tolist() == [[0, 4], [0, 5], [1, 4], [1, 5]]
    assert (canvas.pixels == 255).all(axis=2).sum() == 24 - 8


def test_a_mask_covers_as_much_as_it_says() -> None:
    canvas = Canvas(1, 3)
    canvas.write(0, 0, np.array([[255, 51, 0, 255]], np.uint8), RED)
    assert canvas.pixels.tolist() == [[[255, 0, 0], [255, 204, 204], [255, 255, 255]]]


def test_text_keeps_to_its_width_and_its_ending() -> None:
    short, long = lettered("cat", 15, 200), lettered("cat " * 100, 15, 200, " 99%")
    assert 0 < short.shape[1] < long.shape[1] <= 200
    assert short.shape[0] == long.shape[0]
    assert short.max() == 255
    np.testing.assert_array_equal(long[:, -10:], lettered("dog " * 100, 15, 200, " 99%")[:, -10:])
