"""A line of text as an array: how much of each pixel the letters cover."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from darknetpy.images.fonts import Fonts, Run, font, system_fonts

MARGIN = 0.3  # on the left and right of the text, by its size
ELLIPSIS = "..."


class Lettering:
    """Writes text of one size.

    Args:
        size: of the letters, in pixels: from the top of the highest to the bottom of the lowest, about.
        fonts: where to look for letters; by default those of this system.
    """

    def __init__(self, size: int, fonts: Fonts | None = None) -> None:
        self.size = size
        self._fonts = fonts or system_fonts()

    @cached_property
    def height(self) -> int:
        """Of a line, in pixels."""
        ascent, descent = font(None, self.size).getmetrics()
        return ascent + descent

    def mask(self, text: str, ending: str, width: int) -> np.ndarray:
        """Text and its ending in one line, (height, width of the line) uint8, 255 inside the letters.

        Where the line would be wider than ``width`` pixels the text is cut and ends in dots; the ending stays, unless
        there is no room for any of the text.
        """
        margin = round(MARGIN * self.size)
        room = width - 2 * margin
        cut = self._cut(text, room - self._length(ending))
        if text and not cut.removesuffix(ELLIPSIS):
            cut, ending = self._cut(text, room), ""
        # Each by itself: written from right to left, a name would otherwise draw the ending into its order.
        return self._written([*self._fonts.runs(cut), *self._fonts.runs(ending)], margin)

    def _cut(self, text: str, width: float) -> str:
        """As many of the first characters as fit."""
        if self._length(text) <= width:
            return text
        fits, too_long = 0, len(text)
        while too_long - fits > 1:
            middle = (fits + too_long) // 2
            if self._length(text[:middle] + ELLIPSIS) <= width:
                fits = middle
            else:
                too_long = middle
        return text[:fits].rstrip() + ELLIPSIS

    def _length(self, text: str) -> float:
        return sum(font(run.font, self.size).getlength(run.text) for run in self._fonts.runs(text))

    def _written(self, runs: list[Run], margin: int) -> np.ndarray:
        from PIL import Image, ImageDraw

        lengths = [font(run.font, self.size).getlength(run.text) for run in runs]
        image = Image.new("L", (round(sum(lengths)) + 2 * margin, self.height))
        canvas = ImageDraw.Draw(image)
        baseline = font(None, self.size).getmetrics()[0]
        place = float(margin)
        for run, length in zip(runs, lengths, strict=True):
            canvas.text((place, baseline), run.text, 255, font(run.font, self.size), anchor="ls")
            place += length
        return np.asarray(image)
