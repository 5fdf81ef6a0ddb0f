"""Suppression of overlapping boxes: the part that looks at every pair.

Source: AlexeyAB/darknet src/box.c, do_nms_sort, diounms_sort and do_nms_obj.
"""

from __future__ import annotations

import numpy as np

from darknetpy.kernels import kernel


@kernel
def keep_apart(boxes: np.ndarray, thresh: float, exponent: float, kept: np.ndarray) -> None:
    """Mark the boxes that no better box which is kept overlaps.

    boxes (n, 4) float32: centre x, centre y, width, height, in the order of falling score. thresh float32, at least 0:
    the intersection over union that is still allowed. exponent float64: of the distance of the centres, see
    `distance_of_centres`, which is taken off first, or a negative number to leave it out. Writes kept (n,) bool.
    """
    half = np.float32(0.5)
    left, right = boxes[:, 0] - half * boxes[:, 2], boxes[:, 0] + half * boxes[:, 2]
    top, bottom = boxes[:, 1] - half * boxes[:, 3], boxes[:, 1] + half * boxes[:, 3]
    areas = boxes[:, 2] * boxes[:, 3]
    overlaps = np.empty(len(boxes), np.float32)
    kept[:] = True
    for i in range(len(boxes)):
        if kept[i]:
            one = left[i], right[i], top[i], bottom[i], areas[i]
            later = slice(i + 1, None)
            others = left[later], right[later], top[later], bottom[later], areas[later]
            overlaps_with(one, others, overlaps[later])
            if exponent >= 0:
                for j in range(i + 1, len(boxes)):
                    if overlaps[j] > thresh:
                        overlaps[j] -= distance_of_centres(boxes[i], boxes[j], exponent)
            drop_above(overlaps[later], thresh, kept[later])


@kernel
def overlaps_with(
    one: tuple[float, float, float, float, float], others: tuple[np.ndarray, ...], overlaps: np.ndarray
) -> None:
    """The intersection over union of a box with others, each by left, right, top, bottom and area, all float32.

    A loop of its own, without branches, becomes vector code: an order of magnitude faster. Writes overlaps (n,);
    NaN stands for boxes that have no area together.
    """
    left, right, top, bottom, area = one
    lefts, rights, tops, bottoms, areas = others
    nothing = np.float32(0)
    for j in range(len(overlaps)):
        w = max(min(right, rights[j]) - max(left, lefts[j]), nothing)
        h = max(min(bottom, bottoms[j]) - max(top, tops[j]), nothing)
        shared = w * h
        overlaps[j] = shared / (area + areas[j] - shared)


@kernel
def drop_above(overlaps: np.ndarray, thresh: float, kept: np.ndarray) -> None:
    """Put kept (n,) to False where overlaps (n,) exceed the threshold."""
    for j in range(len(overlaps)):
        if overlaps[j] > thresh:
            kept[j] = False


@kernel
def distance_of_centres(a: np.ndarray, b: np.ndarray, exponent: float) -> np.float32:
    """(d / c)^exponent: the squared distance of the centres, and the squared diagonal of the box around both.

    Two boxes (4,) float32 with an area.
    """
    half = np.float32(0.5)
    w = max(a[0] + half * a[2], b[0] + half * b[2]) - min(a[0] - half * a[2], b[0] - half * b[2])
    h = max(a[1] + half * a[3], b[1] + half * b[3]) - min(a[1] - half * a[3], b[1] - half * b[3])
    right, down = a[0] - b[0], a[1] - b[1]
    return np.float32(np.float64((right * right + down * down) / (w * w + h * h)) ** exponent)
