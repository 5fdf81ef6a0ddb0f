"""Boxes: how much they overlap, and where they lie in the picture.

A box is centre x, centre y, width, height, in any unit, in the last axis of an array; other axes broadcast.
Source: AlexeyAB/darknet src/box.c and src/yolo_layer.c (correct_yolo_boxes); Rezatofighi et al. 2019, "Generalized
intersection over union"; Zheng et al. 2020, "Distance-IoU loss".
"""

from __future__ import annotations

import numpy as np

from darknetpy.images.preprocess import Placement

DIOU_EXPONENT = 0.6
_NO_ZERO = 0.000001  # what the C programs add to the divisor of the complete IoU


def intersection(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The area that both boxes cover."""
    sides = np.minimum(_ends(a), _ends(b)) - np.maximum(_starts(a), _starts(b))
    return np.where((sides < 0).any(axis=-1), 0, sides[..., 0] * sides[..., 1])


def union(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The area that the boxes cover together."""
    return a[..., 2] * a[..., 3] + b[..., 2] * b[..., 3] - intersection(a, b)


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union, 0 to 1; 0 where the boxes share nothing.

    >>> boxes = np.array([[0.5, 0.5, 0.2, 0.2], [0.6, 0.5, 0.2, 0.2]])
    >>> iou(boxes[:, None], boxes).round(3).tolist()
    [[1.0, 0.333], [0.333, 1.0]]
    """
    shared, covered = intersection(a, b), union(a, b)
    return np.where((shared == 0) | (covered == 0), 0, _divide(shared, covered))


def giou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Generalized IoU, -1 to 1: less the part of the box around both that neither covers."""
    sides = _around(a, b)
    area = sides[..., 0] * sides[..., 1]
    return iou(a, b) - np.where(area == 0, 0, _divide(area - union(a, b), area))


def diou(a: np.ndarray, b: np.ndarray, exponent: float = DIOU_EXPONENT) -> np.ndarray:
    """Distance IoU: less (squared distance of the centres / squared diagonal of the box around both)^exponent."""
    return iou(a, b) - _distance(a, b) ** exponent


def ciou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Complete IoU: the distance IoU with exponent 1, less a term for other proportions.

    The proportions of a box without area are taken as 0, where the C program gives NaN.
    """
    overlap = iou(a, b)
    difference = np.arctan(_proportions(b)) - np.arctan(_proportions(a))
    shape = (4 / np.pi**2) * difference**2
    weight = shape / (1 - overlap + shape + _NO_ZERO)
    return overlap - np.where(_diagonal(a, b) == 0, 0, _distance(a, b) + weight * shape)


def to_picture(boxes: np.ndarray, placement: Placement) -> np.ndarray:
    """Boxes (n, 4) relative to the network's input -> relative to the picture that lies there, float32.

    As in the C programs the margins of a letterbox are not rounded to whole pixels. Boxes may reach beyond the picture.
    """
    size = np.array([placement.width, placement.height], np.float64)
    scaled = np.array([placement.scaled_width, placement.scaled_height], np.float64)
    centres = (boxes[:, :2] * size - (size - scaled) / 2) / scaled
    with np.errstate(over="ignore"):
        return np.concatenate([centres, boxes[:, 2:] * (size / scaled)], axis=1).astype(np.float32)


def corners(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    """Boxes (n, 4) relative to a picture -> left, top, right, bottom in its pixels, clipped to it, float32.

    >>> corners(np.array([[0.5, 0.5, 0.5, 2.0]], np.float32), 200, 100).tolist()
    [[50.0, 0.0, 150.0, 100.0]]
    """
    exact, size = boxes.astype(np.float64), np.array([width, height])
    ends = np.concatenate([_starts(exact) * size, _ends(exact) * size], axis=1)
    return np.clip(ends, 0, np.tile(size, 2)).astype(np.float32)


def centres(xyxy: np.ndarray, width: int, height: int) -> np.ndarray:
    """The way back from `corners`: centre x, centre y, width and height relative to the picture, float32.

    >>> centres(np.array([[50, 0, 150, 100]], np.float32), 200, 100).tolist()
    [[0.5, 0.5, 0.5, 1.0]]
    """
    ends = xyxy.reshape(-1, 4) / np.array([width, height, width, height], np.float64)
    starts, stops = ends[:, :2], ends[:, 2:]
    return np.concatenate([(starts + stops) / 2, stops - starts], axis=1).astype(np.float32)


def _starts(boxes: np.ndarray) -> np.ndarray:
    return boxes[..., :2] - boxes[..., 2:] / 2


def _ends(boxes: np.ndarray) -> np.ndarray:
    return boxes[..., :2] + boxes[..., 2:] / 2


def _around(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Width and height of the smallest box around both."""
    return np.maximum(_ends(a), _ends(b)) - np.minimum(_starts(a), _starts(b))


def _diagonal(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (_around(a, b) ** 2).sum(axis=-1)


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared distance of the centres over the squared diagonal of the box around both; 0 where that is a point."""
    diagonal = _diagonal(a, b)
    return np.where(diagonal == 0, 0, _divide(((a[..., :2] - b[..., :2]) ** 2).sum(axis=-1), diagonal))


def _proportions(boxes: np.ndarray) -> np.ndarray:
    return np.where(boxes[..., 2] * boxes[..., 3] == 0, 0, _divide(boxes[..., 2], boxes[..., 3]))


def _divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a / b, and any number where b is 0."""
    return a / np.where(b == 0, 1, b)
