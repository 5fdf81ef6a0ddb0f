"""Detections drawn into a picture: a frame in the colour of the class, and a label that can be read.

Frames are Darknet's (AlexeyAB/darknet src/image.c, draw_detections_v3): nested inwards, the most probable on top, the
same colours. Labels are not: sizes follow the picture, and each label looks for a place where it hides no other. In a
crowd there may be none; then only the frame is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from darknetpy.errors import ImageError
from darknetpy.images.colours import Colour, class_colour, readable_on
from darknetpy.images.lettering import Lettering

LINE = 0.003  # width of a frame's line, by the picture's side (that of a square of the same area)
TEXT = 0.021  # height of a line of text
SMALLEST_TEXT = 12  # pixels; smaller letters run together
CROWDED = 0.15  # when labels would cover more of the picture than this they become smaller
CROWDED_TEXT = 0.6  # but not smaller than this part of their size
COCO_CLASSES = 80
HIDDEN = 0.03  # how much of its own size a label may hide of others: no letters, only what is around them
COVERED = 0.4  # how much of the picture all labels may hide; less probable ones are left out
_SLIDES = 12  # how many places above and below each other are tried for a label


class Drawable(Protocol):
    """What is drawn; ``darknetpy.detection.detections.Detections`` is such."""

    @property
    def xyxy(self) -> np.ndarray:
        """(n, 4) left, top, right, bottom in pixels of the picture."""

    @property
    def confidence(self) -> np.ndarray:
        """(n,), 0 to 1."""

    @property
    def class_id(self) -> np.ndarray:
        """(n,) whole numbers."""

    @property
    def labels(self) -> Sequence[str]:
        """n class names."""


class _Rectangle(NamedTuple):
    """Whole pixels; right and bottom are the first ones outside."""

    left: int
    top: int
    right: int
    bottom: int


def draw_detections(picture: np.ndarray, detections: Drawable, *, classes: int = COCO_CLASSES) -> np.ndarray:
    """A copy of a picture with detections drawn into it.

    Args:
        picture: (h, w, 3) uint8, red first; (h, w) and (h, w, 1) are taken as grey.
        detections: boxes in pixels of the picture, with confidence, class numbers and names.
        classes: how many classes the network has; Darknet's colours depend on it.

    Returns (h, w, 3) uint8. Raises ImageError for an array that is no such picture.

    >>> draw_detections(picture, net.detect(picture))  # doctest: +SKIP
    """
    out = _colour_copy(picture)
    height, width = out.shape[:2]
    side = (height * width) ** 0.5
    order = np.argsort(-np.asarray(detections.confidence), kind="stable")  # the most probable first
    boxes = [_whole_pixels(detections.xyxy[index], width, height) for index in order]
    colours = [class_colour(int(detections.class_id[index]), classes) for index in order]
    for box, colour in zip(reversed(boxes), reversed(colours), strict=True):
        _draw_frame(out, box, colour, max(1, round(LINE * side)))
    texts = [(detections.labels[index], f" {detections.confidence[index]:.0%}") for index in order]
    masks = _letters(texts, side, width, height)
    places = _places(boxes, masks, width, height)
    for mask, place, colour in zip(masks, places, colours, strict=True):
        if place is not None:
            _draw_label(out, mask, place, colour)
    return out


def _colour_copy(picture: np.ndarray) -> np.ndarray:
    planes = picture[..., np.newaxis] if picture.ndim == 2 else picture
    if planes.ndim != 3 or planes.shape[2] not in (1, 3) or planes.dtype != np.uint8 or planes.size == 0:
        found = f"an array of shape {picture.shape} and dtype {picture.dtype}"
        raise ImageError(found, "(h, w, 3), (h, w, 1) or (h, w), uint8")
    return np.repeat(planes, 3, axis=2) if planes.shape[2] == 1 else planes.copy()


def _whole_pixels(box: np.ndarray, width: int, height: int) -> _Rectangle:
    """A box cut to the picture, at least one pixel of it."""
    left, top, right, bottom = (int(edge) for edge in np.nan_to_num(np.asarray(box, np.float64)))
    left, top = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    return _Rectangle(left, top, min(max(right, left), width - 1) + 1, min(max(bottom, top), height - 1) + 1)


def _draw_frame(out: np.ndarray, box: _Rectangle, colour: Colour, line: int) -> None:
    left, top, right, bottom = box
    out[top : min(top + line, bottom), left:right] = colour
    out[max(bottom - line, top) : bottom, left:right] = colour
    out[top:bottom, left : min(left + line, right)] = colour
    out[top:bottom, max(right - line, left) : right] = colour


def _letters(texts: Sequence[tuple[str, str]], side: float, width: int, height: int) -> list[np.ndarray]:
    """The labels as masks; smaller where there are many for the picture."""
    size = max(SMALLEST_TEXT, round(TEXT * side))
    masks = _masks(texts, size, width)
    covered = sum(mask.size for mask in masks) / (width * height)
    if covered <= CROWDED or size == SMALLEST_TEXT:
        return masks
    smaller = size * max(CROWDED_TEXT, (CROWDED / covered) ** 0.5)
    return _masks(texts, max(SMALLEST_TEXT, round(smaller)), width)


def _masks(texts: Sequence[tuple[str, str]], size: int, width: int) -> list[np.ndarray]:
    lettering = Lettering(size)
    return [lettering.mask(name, percent, width) for name, percent in texts]


def _places(
    boxes: Sequence[_Rectangle], masks: Sequence[np.ndarray], width: int, height: int
) -> list[_Rectangle | None]:
    """Where each label goes: the first place that hides no label before it; None where there is none, or where
    labels hide too much of the picture already.
    """
    taken, free = np.zeros((len(boxes), 4), np.int64), COVERED * width * height
    places: list[_Rectangle | None] = []
    for number, (box, mask) in enumerate(zip(boxes, masks, strict=True)):
        wanted = _inside(_candidates(box, *mask.shape), width, height)
        hidden = _overlaps(wanted, taken[:number])
        best = int(np.argmin(hidden))  # the first of equals
        if hidden[best] > HIDDEN * mask.size or (number > 0 and mask.size > free):
            places.append(None)
            continue
        free -= mask.size
        taken[number] = wanted[best]
        places.append(_Rectangle(*taken[number].tolist()))
    return places


def _candidates(box: _Rectangle, label_height: int, label_width: int) -> np.ndarray:
    """Places (n, 4) for a label, the best first: above, inside and below its box, on the left, on the right, then
    further down and up.
    """
    left, right = box.left, max(box.left, box.right - label_width)
    rows = (box.top - label_height, box.top, box.bottom, box.bottom - label_height)
    corners = [(column, row) for column in (left, right) for row in rows]
    slides = [slide * label_height for slide in range(1, _SLIDES)]
    corners += [(left, row) for slide in slides for row in (box.top + slide, box.top - label_height - slide)]
    starts = np.array(corners)
    return np.concatenate([starts, starts + np.array((label_width, label_height))], axis=1)


def _inside(places: np.ndarray, width: int, height: int) -> np.ndarray:
    """Places moved into the picture; of a label larger than the picture the beginning is inside."""
    beyond = np.maximum(places[:, 2:] - (width, height), 0)
    moved = np.tile(np.maximum(places[:, :2] - beyond, 0) - places[:, :2], 2)
    return places + moved


def _overlaps(places: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """How many pixels of others each place hides: (n, 4) and (m, 4) -> (n,)."""
    low = np.maximum(places[:, np.newaxis, :2], taken[:, :2])
    high = np.minimum(places[:, np.newaxis, 2:], taken[:, 2:])
    return np.maximum(high - low, 0).prod(axis=2).sum(axis=1)


def _draw_label(out: np.ndarray, mask: np.ndarray, place: _Rectangle, colour: Colour) -> None:
    room = out[place.top : place.bottom, place.left : place.right]
    opacity = mask[: room.shape[0], : room.shape[1], np.newaxis] / np.float32(255)
    paper, ink = np.array(colour, np.float32), np.array(readable_on(colour), np.float32)
    room[:] = np.rint(paper + (ink - paper) * opacity)
