"""A picture that text and rectangles are written into."""

from __future__ import annotations

import numpy as np

from darknetpy.images.colours import BLACK, Colour
from darknetpy.images.lettering import Lettering

LIGHT = (236, 236, 236)
"""Of what is there and empty."""


class Canvas:
    """White paper of ``height`` x ``width`` pixels; ``pixels`` is (height, width, 3) uint8.

    What reaches beyond the paper is cut off.
    """

    def __init__(self, height: int, width: int) -> None:
        self.pixels = np.full((height, width, 3), 255, np.uint8)

    def fill(self, top: int, left: int, height: int, width: int, colour: Colour) -> None:
        """Give a rectangle a colour."""
        self.pixels[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)] = colour

    def paste(self, top: int, left: int, picture: np.ndarray) -> None:
        """Put a picture, (h, w, 3) uint8, on it."""
        room = self.pixels[top : top + picture.shape[0], left : left + picture.shape[1]]
        room[:] = picture[: room.shape[0], : room.shape[1]]

    def write(self, top: int, left: int, mask: np.ndarray, colour: Colour = BLACK) -> None:
        """Write what a mask (h, w) uint8 covers, see `lettered`."""
        room = self.pixels[top : top + mask.shape[0], left : left + mask.shape[1]]
        opacity = mask[: room.shape[0], : room.shape[1], np.newaxis] / np.float32(255)
        room[:] = np.rint(room + (np.array(colour, np.float32) - room) * opacity)


def lettered(text: str, size: int, width: int, ending: str = "") -> np.ndarray:
    """A line of text as a mask, at most ``width`` pixels wide; where it is longer it ends in dots and the ending."""
    return Lettering(size).mask(text, ending, width)[:, :width]
