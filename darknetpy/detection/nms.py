"""Suppression of boxes that show the same object as a better one.

Source: AlexeyAB/darknet src/box.c; Zheng et al. 2020, "Distance-IoU loss".
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from darknetpy.kernels.overlaps import keep_apart

KINDS = ("default", "greedynms", "diounms", "cornersnms", "obj")
GREEDY_EXPONENT = 0.6
PLAIN_OVERLAP = -1.0


def suppress(
    boxes: np.ndarray,
    objectness: np.ndarray,
    probabilities: np.ndarray,
    thresh: float,
    kind: str = "default",
    beta: float = GREEDY_EXPONENT,
) -> tuple[np.ndarray, np.ndarray]:
    """Put 0 in place of the probabilities of boxes that overlap a better box of the same class.

    Args:
        boxes: (n, 4) float32: centre x, centre y, width, height, in any unit.
        objectness: (n,) float32. Boxes with an objectness of 0 take no part.
        probabilities: (n, classes) float32, 0 for classes that a box does not show.
        thresh: boxes overlap when their IoU exceeds this.
        kind: "default" and "cornersnms" compare the IoU class by class; "greedynms" takes (d/c)^0.6 off it first,
            "diounms" (d/c)^beta, with d the squared distance of the centres and c the squared diagonal of the box
            around both; "obj" orders boxes by their objectness and suppresses all classes and the objectness.

    Returns:
        New arrays of objectness and probabilities. The order of the boxes stays.

    Of equal scores the first box counts as the better, as in the C programs, whose order of one class follows from the
    order of the class before.

    >>> boxes = np.array([[0.5, 0.5, 0.2, 0.2], [0.51, 0.5, 0.2, 0.2]], np.float32)
    >>> suppress(boxes, np.ones(2, np.float32), np.array([[0.6], [0.9]], np.float32), 0.45)[1].tolist()
    [[0.0], [0.8999999761581421]]
    """
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r}, expected one of {', '.join(KINDS)}")
    objectness, probabilities = objectness.copy(), probabilities.copy()
    order = _present(objectness)
    if kind == "obj":
        order = order[np.argsort(-objectness[order], kind="stable")]
        dropped = order[~_kept(boxes[order], thresh, PLAIN_OVERLAP)]
        objectness[dropped] = 0
        probabilities[dropped] = 0
        return objectness, probabilities
    exponent = {"greedynms": GREEDY_EXPONENT, "diounms": beta}.get(kind, PLAIN_OVERLAP)
    for class_id, best_first in _orders(order, probabilities):
        dropped = best_first[~_kept(boxes[best_first], thresh, exponent)]
        probabilities[dropped, class_id] = 0
    return objectness, probabilities


def _present(objectness: np.ndarray) -> np.ndarray:
    """The indexes of boxes with some objectness, in the order that the C programs leave them in.

    They exchange a box without objectness for the last box that has not been looked at.
    """
    order = list(range(len(objectness)))
    first, end = 0, len(order)
    while first < end:
        if objectness[order[first]] == 0:
            end -= 1
            order[first] = order[end]
        else:
            first += 1
    return np.array(order[:end], np.int64)


def _orders(order: np.ndarray, probabilities: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """For each class that some boxes show: these boxes, best first; equal ones in the order of the class before."""
    for class_id in np.flatnonzero(probabilities.any(axis=0)).tolist():
        scores = probabilities[order, class_id]
        shown = scores > 0
        best_first = order[shown][np.argsort(-scores[shown], kind="stable")]
        order = np.concatenate([best_first, order[~shown]])
        yield class_id, best_first


def _kept(boxes: np.ndarray, thresh: float, exponent: float) -> np.ndarray:
    """Which boxes (n, 4), best first, are kept: (n,) bool."""
    kept = np.ones(len(boxes), np.bool_)
    if len(boxes) > 1:
        keep_apart(np.ascontiguousarray(boxes, np.float32), np.float32(thresh), float(exponent), kept)
    return kept
