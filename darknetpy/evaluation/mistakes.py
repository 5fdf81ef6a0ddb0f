"""The surest mistakes of a classifier on one sheet: small pictures with what was answered and what was right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from darknetpy.errors import Findings, ImageError
from darknetpy.evaluation.canvas import LIGHT, Canvas, lettered
from darknetpy.evaluation.tally import Mistake
from darknetpy.images.colours import BLACK, Colour
from darknetpy.images.decode import read_picture

COLUMNS = 8
SIDE = 152  # pixels of a small picture at most
_TEXT, _HEADING, _MARGIN = 13, 18, 12
_WRONG, _RIGHT, _FAINT = (176, 60, 0), (0, 90, 160), (90, 90, 90)
"""Dark enough to be read on white."""


def draw_mistakes(mistakes: Sequence[Mistake], names: Sequence[str]) -> np.ndarray:
    """A sheet of pictures, the first mistake on the left above.

    Under each stands what was answered and how sure that was, what was right, and the name of the file. A picture that
    cannot be read any more is left grey.

    Args:
        mistakes: such as ``Tally.mistakes``.
        names: of the classes.

    Returns (h, w, 3) uint8.

    >>> draw_mistakes(tally.mistakes, tally.names)  # doctest: +SKIP
    """
    columns = max(min(COLUMNS, len(mistakes)), 3)  # as many as the heading takes
    rows = -(-len(mistakes) // columns)
    heading = "The surest mistakes: answer, right class, file" if mistakes else "No mistakes"
    title = lettered(heading, _HEADING, columns * (SIDE + _MARGIN))
    line = lettered("", _TEXT, SIDE).shape[0]
    height, width = SIDE + 3 * line + _MARGIN, SIDE + _MARGIN
    top = _MARGIN + title.shape[0] + _MARGIN // 2
    canvas = Canvas(top + rows * height + _MARGIN, _MARGIN + columns * width)
    canvas.write(_MARGIN, _MARGIN // 2, title)
    for number, mistake in enumerate(mistakes):
        y, x = top + number // columns * height, _MARGIN + number % columns * width
        _draw_thumbnail(canvas, y, x, mistake.path)
        texts: tuple[tuple[str, str, Colour], ...] = (
            (names[mistake.answered], f" {mistake.probability:.1%}", _WRONG),
            (f"right: {names[mistake.right]}", f" {mistake.probability_of_right:.1%}", _RIGHT),
            (Path(mistake.path).name, "", _FAINT),
        )
        for place, (text, ending, colour) in enumerate(texts):
            canvas.write(y + SIDE + place * line, x, lettered(text, _TEXT, SIDE, ending), colour)
    return canvas.pixels


def _draw_thumbnail(canvas: Canvas, top: int, left: int, path: str) -> None:
    """A picture in the middle of a grey square."""
    canvas.fill(top, left, SIDE, SIDE, LIGHT)
    try:
        small = _thumbnail(read_picture(path, allow_damaged=True, findings=Findings()))
    except ImageError:
        text = lettered("cannot be read", _TEXT, SIDE)
        canvas.write(top + (SIDE - text.shape[0]) // 2, left + (SIDE - text.shape[1]) // 2, text, BLACK)
        return
    height, width = small.shape[:2]
    canvas.paste(top + (SIDE - height) // 2, left + (SIDE - width) // 2, small)


def _thumbnail(picture: np.ndarray) -> np.ndarray:
    """As large as fits: smaller by averages, larger by whole pixels only, whose edges can be seen."""
    from PIL import Image

    height, width = picture.shape[:2]
    times = SIDE // max(height, width)
    if times >= 1:
        return picture.repeat(times, axis=0).repeat(times, axis=1)
    image = Image.fromarray(picture)
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=None)
    return np.asarray(image)
