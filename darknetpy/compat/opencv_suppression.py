"""NMSBoxes and its kin: of boxes that overlap, the one with the highest score stays.

Boxes are (left, top, width, height). The answers and their order are OpenCV's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from darknetpy.compat.opencv_arguments import Boxes, read_boxes, read_scores
from darknetpy.compat.opencv_errors import error

SOFT_NMSMETHOD_SOFTNMS_LINEAR, SOFT_NMSMETHOD_SOFTNMS_GAUSSIAN = 1, 2
Indices = np.ndarray | tuple[()]


def NMSBoxes(
    bboxes: Boxes,
    scores: Sequence[float] | np.ndarray,
    score_threshold: float,
    nms_threshold: float,
    eta: float = 1.0,
    top_k: int = 0,
) -> Indices:
    """Indexes of the boxes that stay, highest score first: (n,) int32, or an empty tuple.

    Args:
        bboxes: (left, top, width, height) each. scores: one number a box.
        score_threshold: boxes stay in the running with a score above this.
        nms_threshold: a box falls when its intersection over union with a kept one is above this.
        eta: below 1, the factor on a threshold above 0.5 after every kept box.
        top_k: above 0, only so many of the highest scores are looked at.

    >>> NMSBoxes([[0, 0, 10, 10], [1, 1, 10, 10], [20, 20, 5, 5]], [0.9, 0.8, 0.7], 0.5, 0.4)
    array([0, 2], dtype=int32)
    """
    rectangles = read_boxes(bboxes)
    return _indices(_suppressed(rectangles, read_scores(scores, len(rectangles)), score_threshold, nms_threshold, eta,
                                top_k))  # fmt: skip


def NMSBoxesBatched(
    bboxes: Boxes,
    scores: Sequence[float] | np.ndarray,
    class_ids: Sequence[int] | np.ndarray,
    score_threshold: float,
    nms_threshold: float,
    eta: float = 1.0,
    top_k: int = 0,
) -> Indices:
    """As `NMSBoxes`, where only boxes of the same class suppress each other."""
    rectangles = read_boxes(bboxes)
    values = read_scores(scores, len(rectangles))
    classes = np.asarray(class_ids)
    if len(rectangles) == 0:
        return ()
    if classes.shape != (len(rectangles),) or classes.dtype.kind not in "iu":
        raise error("class_ids of another form", "one whole number a box")
    apart = (rectangles[:, :2] + rectangles[:, 2:]).max() + 1
    rectangles[:, :2] += (classes * apart)[:, np.newaxis]  # classes lie side by side, out of each other's reach
    return _indices(_suppressed(rectangles, values, score_threshold, nms_threshold, eta, top_k))


def softNMSBoxes(
    bboxes: Boxes,
    scores: Sequence[float] | np.ndarray,
    score_threshold: float,
    nms_threshold: float,
    top_k: int = 0,
    sigma: float = 0.5,
    method: int = SOFT_NMSMETHOD_SOFTNMS_GAUSSIAN,
) -> tuple[Indices, Indices]:
    """Scores (n,) float32 and indexes (n,) int32 of the boxes that stay, where overlaps lower scores.

    Source: Bodla et al. 2017, "Soft-NMS". Method GAUSSIAN multiplies by exp(-overlap^2 / sigma), LINEAR by 1 - overlap
    where the overlap is above ``nms_threshold``.
    """
    rectangles = read_boxes(bboxes)
    left = read_scores(scores, len(rectangles))
    threshold = np.float32(_not_negative(score_threshold, "score_threshold"))
    if method not in (SOFT_NMSMETHOD_SOFTNMS_LINEAR, SOFT_NMSMETHOD_SOFTNMS_GAUSSIAN):
        raise error(f"method={method}", "SOFT_NMSMETHOD_SOFTNMS_LINEAR or SOFT_NMSMETHOD_SOFTNMS_GAUSSIAN")
    kept: list[int] = []
    updated: list[np.float32] = []
    while len(kept) < (min(top_k, len(left)) or len(left)):
        best = int(left.argmax())
        if left[best] < threshold:
            break
        kept.append(best)
        updated.append(left[best])
        overlap = overlaps(rectangles[best], rectangles).astype(np.float32)
        if method == SOFT_NMSMETHOD_SOFTNMS_LINEAR:
            factor = np.where(overlap > np.float32(nms_threshold), 1 - overlap, np.float32(1))
        else:
            factor = np.exp(-(overlap * overlap) / np.float32(sigma))
        left = np.where(left < threshold, left, left * factor)
        left[best] = -1  # below every threshold
    return (np.array(updated, np.float32) if updated else ()), _indices(kept)


def overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of a box (4,) with boxes (n, 4), in their dtype; 1 where neither has an area."""
    corner = np.maximum(box[:2], boxes[:, :2])
    sides = np.maximum(np.minimum(box[:2] + box[2:], boxes[:, :2] + boxes[:, 2:]) - corner, 0)
    intersection = sides[:, 0] * sides[:, 1]
    areas = box[2] * box[3] + boxes[:, 2] * boxes[:, 3]
    empty = areas <= np.finfo(boxes.dtype).eps
    return np.where(empty, 1, intersection / np.where(empty, 1, areas - intersection))


def suppressed(
    boxes: np.ndarray,
    scores: np.ndarray,
    score_threshold: float,
    nms_threshold: float,
    eta: float = 1.0,
    top_k: int = 0,
) -> list[int]:
    """The indexes of `NMSBoxes` for boxes (n, 4), in whose dtype overlaps are computed, and scores (n,) float32."""
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] > np.float32(score_threshold)]
    if top_k > 0:
        order = order[:top_k]
    candidates = boxes[order]
    worst = np.zeros(len(order), np.float32)  # each candidate's largest overlap with what is kept
    threshold = np.float32(nms_threshold)
    kept: list[int] = []
    for place, index in enumerate(order):
        if not worst[place] <= threshold:
            continue
        kept.append(int(index))
        rest = overlaps(candidates[place], candidates[place + 1 :]).astype(np.float32)
        worst[place + 1 :] = np.maximum(worst[place + 1 :], rest)
        if eta < 1 and threshold > 0.5:
            threshold *= np.float32(eta)
    return kept


def _suppressed(
    boxes: np.ndarray, scores: np.ndarray, score_threshold: float, nms_threshold: float, eta: float, top_k: int
) -> list[int]:
    """The same, with arguments as a user gives them."""
    _not_negative(score_threshold, "score_threshold")
    _not_negative(nms_threshold, "nms_threshold")
    if not eta > 0:
        raise error(f"eta={eta}", "a number above 0")
    return suppressed(boxes, scores, score_threshold, nms_threshold, eta, top_k)


def _not_negative(value: float, name: str) -> float:
    if not value >= 0:
        raise error(f"{name}={value}", "0 or more")
    return value


def _indices(kept: list[int]) -> Indices:
    return np.array(kept, np.int32) if kept else ()
