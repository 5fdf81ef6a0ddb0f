"""Suppression of overlapping boxes.

Source: AlexeyAB/darknet src/box.c, do_nms_sort, diounms_sort and do_nms_obj.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from darknetpy.kernels import kernel

BITS = 64  # of a word


class Memory(NamedTuple):
    """What `suppress_each` works in. It is made outside of it, as it takes long to compile what makes arrays.

    sides (6, words * 64) float32 zeros: left, right, top, bottom, area and overlap of each box. masks (n + 1, words)
    uint64 zeros: a bit for each box that box i overlaps; the last row marks boxes that have been suppressed. order and
    spare (n,) int64: indexes of boxes.
    """

    sides: np.ndarray
    masks: np.ndarray
    order: np.ndarray
    spare: np.ndarray


def memory(n: int) -> Memory:
    """For n boxes."""
    words = -(-n // BITS)
    return Memory(
        np.zeros((6, words * BITS), np.float32), np.zeros((n + 1, words), np.uint64), *np.zeros((2, n), np.int64)
    )


@kernel
def suppress_each(
    boxes: np.ndarray,
    objectness: np.ndarray,
    scores: np.ndarray,
    least: float,
    thresh: float,
    exponent: float,
    memory: Memory,
) -> None:
    """Of each row of scores, put those of boxes to 0 that overlap a box which scores better and stays.

    Which boxes a box overlaps is the same for all rows: it is found out when it is needed first, and kept as bits.

    Args:
        boxes: (n, 4) float32: centre x, centre y, width, height.
        objectness: (n,) float32. Boxes with an objectness of 0 take no part.
        scores: (rows, n) float32, changed. Boxes with a score above ``least``, float32, take part in a row; equal ones
            come in the order of the row before.
        thresh: float32, at least 0: the intersection over union that is still allowed.
        exponent: float64: of the distance of the centres, see `distance_of_centres`, which is taken off first, or a
            negative number to leave it out.
        memory: new, for n boxes.
    """
    sides, masks, order, spare = memory
    n, half = len(boxes), np.float32(0.5)
    for i in range(n):
        box = boxes[i]
        sides[0, i], sides[1, i] = box[0] - half * box[2], box[0] + half * box[2]
        sides[2, i], sides[3, i] = box[1] - half * box[3], box[1] + half * box[3]
        sides[4, i] = box[2] * box[3]
    gone, overlaps = masks[n], sides[5]
    present = order_present(objectness, order)
    for row in range(len(scores)):
        score = scores[row]
        shown = shown_first(order, present, score, least, spare)
        sort_falling(order, shown, score, spare)
        for word in range(len(gone)):
            gone[word] = 0
        for place in range(shown):
            i = order[place]
            own_bit = np.uint64(1) << np.uint64(i % BITS)
            if gone[i // BITS] & own_bit:
                score[i] = 0
                continue
            mask = masks[i]
            if not mask[i // BITS] & own_bit:
                overlaps_with(sides, i)
                if exponent >= 0:
                    for j in range(n):
                        if overlaps[j] > thresh:
                            overlaps[j] -= distance_of_centres(boxes[i], boxes[j], exponent)
                mark_above(overlaps, thresh, mask)
                mask[i // BITS] |= own_bit  # the sign that the mask is known; the box itself has had its turn
            for word in range(len(gone)):
                gone[word] |= mask[word]


@kernel
def order_present(objectness: np.ndarray, order: np.ndarray) -> int:
    """Put the indexes of boxes with some objectness first, in the order that the C programs leave them in; how many.

    They exchange a box without objectness for the last box that has not been looked at. Writes order (n,) int64.
    """
    end = len(objectness)
    for i in range(end):
        order[i] = i
    first = 0
    while first < end:
        if objectness[order[first]] == 0:
            end -= 1
            order[first] = order[end]
        else:
            first += 1
    return end


@kernel
def shown_first(order: np.ndarray, count: int, score: np.ndarray, least: float, spare: np.ndarray) -> int:
    """Of the first ``count`` indexes move those whose score exceeds ``least`` to the front; how many these are.

    Otherwise the order stays. Changes order (n,) int64; spare (n,) int64 is overwritten.
    """
    shown = others = 0
    for place in range(count):
        i = order[place]
        if score[i] > least:
            order[shown] = i
            shown += 1
        else:
            spare[others] = i
            others += 1
    for place in range(others):
        order[shown + place] = spare[place]
    return shown


@kernel
def sort_falling(order: np.ndarray, n: int, score: np.ndarray, spare: np.ndarray) -> None:
    """Sort the first n indexes by falling score; equal ones keep their order.

    Runs of 1, 2, 4, ... indexes are merged in pairs. Changes order (int64); spare, as long, is overwritten.
    """
    width = 1
    while width < n:
        for start in range(0, n, 2 * width):
            middle, end = min(start + width, n), min(start + 2 * width, n)
            a, b = start, middle
            for place in range(start, end):
                if b == end or (a < middle and score[order[a]] >= score[order[b]]):
                    spare[place] = order[a]
                    a += 1
                else:
                    spare[place] = order[b]
                    b += 1
        for place in range(n):
            order[place] = spare[place]
        width *= 2


@kernel
def overlaps_with(sides: np.ndarray, i: int) -> None:
    """The intersection over union of box i with all boxes; sides as in `Memory`, whose last row is written.

    A loop of its own, without branches, becomes vector code: an order of magnitude faster. NaN stands for boxes that
    have no area together.
    """
    left, right, top, bottom, area = sides[0, i], sides[1, i], sides[2, i], sides[3, i], sides[4, i]
    lefts, rights, tops, bottoms, areas, overlaps = sides[0], sides[1], sides[2], sides[3], sides[4], sides[5]
    nothing = np.float32(0)
    for j in range(len(overlaps)):
        w = max(min(right, rights[j]) - max(left, lefts[j]), nothing)
        h = max(min(bottom, bottoms[j]) - max(top, tops[j]), nothing)
        shared = w * h
        overlaps[j] = shared / (area + areas[j] - shared)


@kernel
def mark_above(overlaps: np.ndarray, thresh: float, mask: np.ndarray) -> None:
    """Set the bits of mask (words,) uint64 where overlaps (words * 64,) exceed the threshold, and clear the others."""
    for word in range(len(mask)):
        part = overlaps[word * BITS : (word + 1) * BITS]
        bits = np.uint64(0)
        for bit in range(BITS):
            bits |= np.uint64(part[bit] > thresh) << np.uint64(bit)
        mask[word] = bits


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
