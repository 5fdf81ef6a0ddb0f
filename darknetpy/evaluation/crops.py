"""Several views of one picture, whose answers are added up. Source: AlexeyAB/darknet src/classifier.c
(validate_classifier_10, validate_classifier_multi, validate_classifier_full).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from darknetpy.errors import ImageError
from darknetpy.images.preprocess import prepare
from darknetpy.images.resize import picture_size, resize, resize_min, shorter_side_size

MARGIN = 32  # pixels that the picture is larger than the network's input, for ten views
SIDES = (224, 288, 320, 352, 384)  # of the shorter side, for views of several sizes
MOST_PIXELS = 1 << 22  # of one view: a network's values take many times the memory of the picture
Views = Callable[[np.ndarray, int, int], list[np.ndarray]]


def one(picture: np.ndarray, width: int, height: int) -> list[np.ndarray]:
    """The middle."""
    return [prepare(picture, width, height, "crop")]


def ten(picture: np.ndarray, width: int, height: int) -> list[np.ndarray]:
    """The corners and the middle of the picture at 32 pixels more, and their mirror images.

    Other than in Darknet, whose corners lie 32 pixels off the picture.
    """
    larger = resize(picture, width + MARGIN, height + MARGIN)
    places = [(0, 0), (MARGIN, 0), (MARGIN // 2, MARGIN // 2), (0, MARGIN), (MARGIN, MARGIN)]
    cut = [larger[:, top : top + height, left : left + width] for left, top in places]
    return [np.ascontiguousarray(view) for view in (*cut, *(view[:, :, ::-1] for view in cut))]


def several_sizes(picture: np.ndarray, width: int, height: int) -> list[np.ndarray]:
    """The whole picture with its shorter side at five sizes, and their mirror images; for any size of network."""
    _require_moderate(picture, max(SIDES))
    sizes = [resize_min(picture, side) for side in SIDES]
    return [np.ascontiguousarray(view) for size in sizes for view in (size, size[:, :, ::-1])]


def whole(picture: np.ndarray, width: int, height: int) -> list[np.ndarray]:
    """The whole picture with its shorter side at the width of the network."""
    _require_moderate(picture, width)
    return [resize_min(picture, width)]


def _require_moderate(picture: np.ndarray, side: int) -> None:
    """Refuse, before memory is taken, long and narrow pictures that would be many times as large as they are."""
    width, height = shorter_side_size(*picture_size(picture), side)
    if width * height > MOST_PIXELS:
        own_width, own_height = picture_size(picture)
        found = f"a picture of {own_width}x{own_height} would be {width}x{height} pixels"
        raise ImageError(found, f"at most {MOST_PIXELS} in one view", "Look at the middle only, with one crop")


CROPS: dict[str, Views] = {"1": one, "10": ten, "multi": several_sizes, "full": whole}
"""What ``--crops`` of ``darknetpy validate`` takes."""
COUNTS = {"1": 1, "10": 10, "multi": 2 * len(SIDES), "full": 1}
"""How many views each of them gives."""
