"""Suppression of boxes that show the same object as a better one.

Source: AlexeyAB/darknet src/box.c; Zheng et al. 2020, "Distance-IoU loss".
"""

from __future__ import annotations

import numpy as np

from darknetpy.kernels.overlaps import memory, suppress_each

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
    by_class = kind != "obj"
    scores = np.array(probabilities.T if by_class else objectness[np.newaxis], np.float32, order="C")  # a copy
    suppress_each(
        np.ascontiguousarray(boxes, np.float32),
        np.ascontiguousarray(objectness, np.float32),
        scores,
        np.float32(0 if by_class else -np.inf),
        np.float32(thresh),
        float({"greedynms": GREEDY_EXPONENT, "diounms": beta}.get(kind, PLAIN_OVERLAP)),
        memory(len(boxes)),
    )
    if by_class:
        return objectness.copy(), np.ascontiguousarray(scores.T)
    dropped = (scores[0] == 0) & (objectness != 0)
    return scores[0], np.where(dropped[:, np.newaxis], np.float32(0), probabilities)
