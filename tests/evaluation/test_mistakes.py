"""The sheet of the surest mistakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from darknetpy.evaluation.canvas import LIGHT
from darknetpy.evaluation.mistakes import COLUMNS, SIDE, draw_mistakes
from darknetpy.evaluation.tally import Mistake

PURE = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


def mistakes(folder: Path, sizes: list[tuple[int, int]]) -> list[Mistake]:
    found = []
    for number, size in enumerate(sizes):
        path = folder / f"{number}.png"
        Image.new("RGB", size, PURE[number % 3]).save(path)
        found.append(Mistake(str(path), 0, 1, 0.9, 0.1))
    return found


def places(sheet: np.ndarray, colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Top, left, height, width of what has that colour."""
    rows, columns = np.nonzero((sheet == colour).all(axis=2))
    return int(rows.min()), int(columns.min()), int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


def test_pictures_are_as_large_as_fits(tmp_path: Path) -> None:
    sheet = draw_mistakes(mistakes(tmp_path, [(10, 10), (3000, 1500), (16, 40)]), ["cat", "dog"])
    sizes = [places(sheet, colour)[2:] for colour in PURE]
    times = SIDE // 10
    assert sizes == [(10 * times, 10 * times), (SIDE // 2, SIDE), (40 * (SIDE // 40), 16 * (SIDE // 40))]
    tops, lefts = zip(*(places(sheet, colour)[:2] for colour in PURE), strict=True)
    assert list(lefts) == sorted(lefts)
    centres = [top + size[0] / 2 for top, size in zip(tops, sizes, strict=True)]
    assert max(centres) - min(centres) <= 1


def test_small_pictures_keep_their_pixels(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(1, 235, (16, 16, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    sheet = draw_mistakes([Mistake(str(tmp_path / "a.png"), 0, 1, 0.9, 0.1)], ["cat", "dog"])
    times = SIDE // 16
    grey, inside = (sheet == LIGHT).all(axis=2), (SIDE - 16 * times) // 2
    top = int(np.flatnonzero(grey.sum(axis=1) == SIDE)[0])
    left = int(np.flatnonzero(grey[top])[0])
    found = sheet[top + inside : top + inside + 16 * times : times, left + inside : left + inside + 16 * times : times]
    np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize("count", [0, 1, COLUMNS, COLUMNS + 1, 40])
def test_a_sheet_has_as_many_rows_as_it_needs(tmp_path: Path, count: int) -> None:
    sheet = draw_mistakes(mistakes(tmp_path, [(20, 20)] * count), ["cat", "dog"])
    rows = -(-count // COLUMNS)
    assert sheet.dtype == np.uint8
    assert rows * SIDE < sheet.shape[0] < rows * (SIDE + 90) + 80
    assert sheet.shape[1] <= COLUMNS * (SIDE + 20)


def test_a_picture_that_is_gone_is_left_grey(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    names = ["a name that is much too long for the place under a picture", "日本"]
    lost = [Mistake(str(tmp_path / name), 0, 1, 0.9, 0.1) for name in ("none.png", "broken.png")]
    sheet = draw_mistakes(lost, names)
    assert (sheet == LIGHT).all(axis=2).sum() > SIDE * SIDE
