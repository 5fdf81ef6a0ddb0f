"""What Darknet's ctypes module offers for its answers: sorting out, printing, and drawing boxes.

Source of names and meanings: AlexeyAB/darknet darknet.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from darknetpy.compat.darknet_structures import DETECTION
from darknetpy.errors import ImageError, printable
from darknetpy.images.colours import class_colour
from darknetpy.images.lettering import Lettering

Bounds = tuple[float, float, float, float]
"""Centre x, centre y, width and height of a box, in pixels."""
Colour = tuple[int, int, int]
TEXT = 14  # height of the letters beside a box, in pixels


def bbox2points(bbox: Bounds) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a box, rounded to whole pixels.

    >>> bbox2points((50.0, 40.0, 20.0, 10.5))
    (40, 35, 60, 45)
    """
    x, y, w, h = bbox
    return round(x - w / 2), round(y - h / 2), round(x + w / 2), round(y + h / 2)


def class_colors(names: Sequence[str]) -> dict[str, Colour]:
    """A colour for each class, blue first, as OpenCV takes it: the one that Darknet draws the class in.

    >>> class_colors(["cat", "dog"])
    {'cat': (255, 0, 255), 'dog': (0, 255, 127)}
    """
    return {name: class_colour(index, len(names))[::-1] for index, name in enumerate(names)}


def remove_negatives(
    detections: Sequence[DETECTION], class_names: Sequence[str], num: int
) -> list[tuple[str, float, Bounds]]:
    """Name, probability (0 to 1) and box, for every class of the first ``num`` detections that is not ruled out."""
    return [
        (class_names[index], float(detection.prob[index]), _bounds(detection))
        for detection in detections[:num]
        for index in np.flatnonzero(detection.prob[: len(class_names)]).tolist()
    ]


def remove_negatives_faster(
    detections: Sequence[DETECTION], class_names: Sequence[str], num: int
) -> list[tuple[str, float, Bounds]]:
    """The same for the most probable class of each detection only."""
    return [
        (class_names[detection.best_class_idx], float(detection.prob[detection.best_class_idx]), _bounds(detection))
        for detection in detections[:num]
        if detection.best_class_idx != -1
    ]


def _bounds(detection: DETECTION) -> Bounds:
    return detection.bbox.x, detection.bbox.y, detection.bbox.w, detection.bbox.h


def decode_detection(detections: Iterable[tuple[str, float, Bounds]]) -> list[tuple[str, str, Bounds]]:
    """Probabilities (0 to 1) as text in percent.

    >>> decode_detection([("dog", 0.97312, (5.0, 5.0, 2.0, 2.0))])
    [('dog', '97.31', (5.0, 5.0, 2.0, 2.0))]
    """
    return [(str(label), str(round(confidence * 100, 2)), bbox) for label, confidence, bbox in detections]


def print_detections(detections: Iterable[tuple[str, str, Bounds]], coordinates: bool = False) -> None:
    """Print what ``detect_image`` found, one line each; with ``coordinates`` its box, too (centre, width, height)."""
    print("\nObjects:")
    for label, confidence, (x, y, w, h) in detections:
        place = f"    (left_x: {x:.0f}   top_y:  {y:.0f}   width:   {w:.0f}   height:  {h:.0f})" if coordinates else ""
        print(f"{printable(label)}: {confidence}%{place}")


def draw_boxes(
    detections: Iterable[tuple[str, str | float, Bounds]], image: np.ndarray, colors: Mapping[str, Colour]
) -> np.ndarray:
    """Draw what ``detect_image`` found into a picture, which is changed and returned.

    Args:
        detections: name, confidence and box in pixels of this picture.
        image: (h, w, 3) uint8, writable, in the order of colours that ``colors`` is in.
        colors: a colour for each name; from ``class_colors`` they are blue, green, red.

    Raises ImageError for an array that is no such picture.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.flags.writeable:
        found = f"an array of shape {image.shape} and dtype {image.dtype}"
        raise ImageError(found, "(h, w, 3), uint8, that can be written to")
    lettering = Lettering(TEXT)
    for label, confidence, bbox in detections:
        left, top, right, bottom = bbox2points(bbox)
        _draw_frame(image, left, top, right, bottom, colors[label])
        mask = lettering.mask(f"{label} [{float(confidence):.2f}]", "", image.shape[1])
        _write(image, mask, left, top - mask.shape[0], colors[label])
    return image


def _draw_frame(image: np.ndarray, left: int, top: int, right: int, bottom: int, colour: Colour) -> None:
    """Lines of one pixel, where they are inside the picture."""
    height, width = image.shape[:2]
    columns, rows = slice(max(left, 0), max(right + 1, 0)), slice(max(top, 0), max(bottom + 1, 0))
    for row in {top, bottom}:
        if 0 <= row < height:
            image[row, columns] = colour
    for column in {left, right}:
        if 0 <= column < width:
            image[rows, column] = colour


def _write(image: np.ndarray, mask: np.ndarray, left: int, top: int, colour: Colour) -> None:
    """Letters in a colour, moved into the picture."""
    left = max(0, min(left, image.shape[1] - mask.shape[1]))
    top = max(0, min(top, image.shape[0] - mask.shape[0]))
    room = image[top : top + mask.shape[0], left : left + mask.shape[1]]
    share = mask[: room.shape[0], : room.shape[1], np.newaxis] / np.float32(255)
    room[:] = np.rint(room * (1 - share) + np.array(colour, np.float32) * share)
