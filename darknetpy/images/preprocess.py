"""Fitting a picture to the input of a network, and the way back from network to picture coordinates.

Three ways: ``crop`` (shorter side to the network's width, then the middle; AlexeyAB's ``classifier predict``),
``letterbox`` (the whole picture on grey; pjreddie's ``predict`` and ``detector test``) and ``stretch`` (the whole
picture, proportions given up; AlexeyAB's ``detector test``).

Source: AlexeyAB/darknet src/classifier.c (predict_classifier) and src/image.c; src/yolo_layer.c (correct_yolo_boxes).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from darknetpy.errors import ImageError
from darknetpy.images.crop import inside
from darknetpy.images.resize import (
    GREY,
    letterbox_size,
    new_planes,
    picture_channels,
    picture_size,
    positions,
    resample,
    row_positions,
    shorter_side_size,
)

PREPROCESSES = ("crop", "letterbox", "stretch")


@dataclass(frozen=True)
class Placement:
    """Where a picture lies on the input of a network; all in pixels."""

    picture_width: int
    picture_height: int
    width: int
    """Width of the network's input."""
    height: int
    """Height of the network's input."""
    scaled_width: int
    """Width of the whole picture at the scale of the network's input."""
    scaled_height: int
    """Height of the whole picture at the scale of the network's input."""

    @property
    def left(self) -> int:
        """Network column where the picture begins; negative when columns are cut away."""
        return int((self.width - self.scaled_width) / 2)  # towards zero, as C divides

    @property
    def top(self) -> int:
        """Network row where the picture begins; negative when rows are cut away."""
        return int((self.height - self.scaled_height) / 2)

    def to_picture(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes (..., 4) as left, top, right, bottom in network pixels -> the same in pixels of the picture, float64.

        Like Darknet's, the way back does not round the margin to whole pixels (`left` and `top` do).

        >>> place(500, 375, 416, 416, "letterbox").to_picture(np.array([0, 52, 416, 364]))
        array([  0.,   0., 500., 375.])
        """
        margin = np.array([self.width - self.scaled_width, self.height - self.scaled_height] * 2) / 2
        scale = np.array([self.picture_width / self.scaled_width, self.picture_height / self.scaled_height] * 2)
        return (np.asarray(boxes, np.float64) - margin) * scale


def place(picture_width: int, picture_height: int, width: int, height: int, how: str) -> Placement:
    """Where a picture of that size goes on a width x height input; ``how`` is crop, letterbox or stretch.

    >>> place(500, 375, 224, 224, "crop").left
    -37
    """
    if how == "crop":
        scaled = shorter_side_size(picture_width, picture_height, width)
    elif how == "letterbox":
        scaled = letterbox_size(picture_width, picture_height, width, height)
    elif how == "stretch":
        scaled = width, height
    else:
        raise ImageError(f"preprocess={how!r}", f"one of {', '.join(PREPROCESSES)}")
    return Placement(picture_width, picture_height, width, height, *scaled)


def prepare(picture: np.ndarray, width: int, height: int, how: str, out: np.ndarray | None = None) -> np.ndarray:
    """A picture as the input of a network: (c, height, width) float32 in 0..1.

    Args:
        picture: (h, w, c) uint8 or (c, h, w) float32 in 0..1, with the channels of the network.
        width, height: of the network's input, in pixels.
        how: ``crop``, ``letterbox`` or ``stretch``.
        out: where to write, (c, height, width) float32 contiguous, such as one slot of a batch; new memory if None.

    Raises ImageError for an array that is not a picture or does not fit ``out``, and for an unknown ``how``.

    >>> prepare(np.zeros((375, 500, 3), np.uint8), 224, 224, "crop").shape
    (3, 224, 224)
    """
    placement = place(*picture_size(picture), width, height, how)
    room = new_planes(picture, width, height) if out is None else _checked_room(out, picture, width, height)
    if how == "crop":
        row_places = inside(-placement.top, height, placement.scaled_height)
        column_places = inside(-placement.left, width, placement.scaled_width)
        corner = 0, 0
    else:
        room.fill(GREY)
        row_places, column_places = np.arange(placement.scaled_height), np.arange(placement.scaled_width)
        corner = placement.top, placement.left
    rows = row_positions(placement.picture_height, placement.scaled_height, row_places)
    columns = positions(placement.picture_width, placement.scaled_width, column_places)
    resample(picture, rows, columns, room, *corner)
    return room


def _checked_room(out: np.ndarray, picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """``out`` itself; ImageError when the picture does not fit in it."""
    expected = picture_channels(picture), height, width
    if out.shape != expected or out.dtype != np.float32 or not out.flags.c_contiguous:
        raise ImageError(f"an output of shape {out.shape} and dtype {out.dtype}", f"{expected}, float32 and contiguous")
    return out
