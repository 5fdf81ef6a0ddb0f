"""Large pictures in overlapping tiles: where the tiles lie, and one list of boxes from theirs.

An object at the border of a tile is found whole by a neighbour, or in two parts, or by the look at the whole picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import NamedTuple

import numpy as np

from darknetpy.detection.boxes import centres
from darknetpy.detection.detections import Detections

OVERLAP = 0.25  # of a tile's side, that the next tile shows again
NEAR_BORDER = 0.02  # of a tile's side: a box that ends so near the border is taken as cut
INSIDE = 0.7  # how much of a part lies in the whole object
SAME_EXTENT = 0.5  # how much two parts of an object face each other along the border between them
_LEFT, _TOP, _RIGHT, _BOTTOM = range(4)


class Tile(NamedTuple):
    """A rectangle of a picture, in whole pixels."""

    left: int
    top: int
    width: int
    height: int

    def of(self, picture: np.ndarray) -> np.ndarray:
        """The pixels (height, width, c) of a picture (h, w, c), contiguous."""
        rows = picture[self.top : self.top + self.height, self.left : self.left + self.width]
        return np.ascontiguousarray(rows)


class Merged(NamedTuple):
    """What is left of the boxes of all tiles: ``kept`` (m,) are their places in the lists that were merged, most
    confident first; ``boxes`` (m, 4) and ``confidence`` (m,) are theirs, or those of several parts together.
    """

    kept: np.ndarray
    boxes: np.ndarray
    confidence: np.ndarray


Detect = Callable[[list[np.ndarray]], list[Detections]]
"""Pictures (h, w, c) uint8 -> what was found in each, such as ``Network.detect`` with its options."""


def detect_in_tiles(
    picture: np.ndarray, tile_width: int, tile_height: int, detect: Detect, *, nms: float = 0.45, at_once: int = 1
) -> Detections:
    """What is found in a picture and in the overlapping tiles of it, as one list.

    Args:
        picture: (h, w, c) uint8.
        tile_width, tile_height: in pixels; those of the network's input show it every pixel of the picture.
        detect: called with ``at_once`` tiles at a time.
        nms: see `merge`.

    >>> detect_in_tiles(picture, 416, 416, net.detect).xyxy  # doctest: +SKIP
    """
    height, width = picture.shape[:2]
    tiles = tiles_of(width, height, tile_width, tile_height)
    found: list[Detections] = []
    for first in range(0, len(tiles), at_once):
        found += detect([tile.of(picture) for tile in tiles[first : first + at_once]])
    return joined(found, tiles, nms)


def joined(found: Sequence[Detections], tiles: Sequence[Tile], nms: float) -> Detections:
    """One `Detections` of a picture from those of its tiles, the first of which is the whole picture; see `merge`."""
    if len(tiles) == 1:
        return found[0]
    whole = tiles[0]
    corners = [np.array([tile.left, tile.top] * 2, np.float32) for tile in tiles]
    boxes = np.concatenate([one.xyxy + corner for one, corner in zip(found, corners, strict=True)])
    class_id = np.concatenate([one.class_id for one in found])
    tile = np.repeat(np.arange(len(tiles)), [len(one) for one in found])
    confidence = np.concatenate([one.confidence for one in found])
    merged = merge(boxes, confidence, class_id, tile, tiles, nms)
    shared = set.intersection(*(set(one.data) for one in found))
    return Detections(
        xyxy=merged.boxes,
        confidence=merged.confidence,
        class_id=class_id[merged.kept],
        data={name: np.concatenate([one.data[name] for one in found])[merged.kept] for name in sorted(shared)},
        relative=centres(merged.boxes, whole.width, whole.height),
        classes=found[0].classes,
    )


def tiles_of(width: int, height: int, tile_width: int, tile_height: int) -> list[Tile]:
    """The whole picture, and if it is larger than a tile, as few tiles as cover it with `OVERLAP`, row by row.

    >>> [tile.left for tile in tiles_of(1000, 416, 416, 416)]
    [0, 0, 292, 584]
    """
    whole = Tile(0, 0, width, height)
    wide, high = min(width, tile_width), min(height, tile_height)
    rows, columns = _starts(height, high), _starts(width, wide)
    if len(rows) == len(columns) == 1:
        return [whole]
    return [whole, *(Tile(left, top, wide, high) for top in rows for left in columns)]


def _starts(length: int, tile: int) -> list[int]:
    """Where tiles begin along one side: evenly spread, the first at 0 and the last up to the end."""
    count = ceil((length - tile) / max(1, int(tile * (1 - OVERLAP)))) + 1
    return [round(number * (length - tile) / max(1, count - 1)) for number in range(count)]


def merge(
    boxes: np.ndarray, confidence: np.ndarray, class_id: np.ndarray, tile: np.ndarray, tiles: Sequence[Tile], nms: float
) -> Merged:
    """One list of boxes from those of overlapping tiles.

    Of boxes of one class from different tiles
    - those with an IoU above ``nms`` are one object: of whole boxes, or else of cut ones, the most probable stays;
    - a cut one that lies in another is a part of it, and goes;
    - two that are cut at borders which face each other, and meet, are halves of one object, and become one box.
    What stays has the highest confidence of all that it stands for.

    Args:
        boxes: (n, 4) left, top, right, bottom in pixels of the picture. confidence: (n,). class_id: (n,).
        tile: (n,) in which of ``tiles`` each was found.
        tiles: from `tiles_of`, the whole picture first.
        nms: highest IoU of two objects of a class.
    """
    boxes, confidence = np.array(boxes, np.float32).reshape(-1, 4), np.array(confidence, np.float32)
    cut = _cut_sides(boxes, np.asarray(tile), np.array(tiles))
    order = np.lexsort((-confidence, cut.any(axis=1)))
    gone = np.zeros(len(boxes), bool)
    for place, index in enumerate(order):
        later = order[place + 1 :]
        while not gone[index]:
            rivals = later[~gone[later] & (class_id[later] == class_id[index]) & (tile[later] != tile[index])]
            halves = rivals[_are_halves(boxes[index], cut[index], boxes[rivals], cut[rivals])]
            same = rivals[_are_same(boxes[index], boxes[rivals], cut[rivals].any(axis=1), nms)]
            confidence[index] = confidence[[index, *same, *halves]].max()
            gone[same], gone[halves] = True, True
            if not len(halves):
                break
            together = np.array([index, *halves])
            outermost = together[_outermost(boxes[together])]
            boxes[index], cut[index] = boxes[outermost, range(4)], cut[outermost, range(4)]
    kept = np.flatnonzero(~gone)
    kept = kept[np.argsort(-confidence[kept], kind="stable")]
    return Merged(kept, boxes[kept], confidence[kept])


def _cut_sides(boxes: np.ndarray, tile: np.ndarray, tiles: np.ndarray) -> np.ndarray:
    """(n, 4): whether each side of a box lies at a border of its tile that is none of the picture, tiles[0]."""
    corners = np.concatenate([tiles[:, :2], tiles[:, :2] + tiles[:, 2:]], axis=1)
    near = NEAR_BORDER * np.tile(tiles[:, 2:], 2)
    return (np.abs(boxes - corners[tile]) <= near[tile]) & (corners[tile] != corners[0])


def _are_same(box: np.ndarray, others: np.ndarray, cut: np.ndarray, nms: float) -> np.ndarray:
    """Which of the others are the same object as ``box``, or cut and inside it."""
    shared = _areas(np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:]))
    area, other_areas = _areas(box[:2], box[2:]), _areas(others[:, :2], others[:, 2:])
    return (shared > nms * (area + other_areas - shared)) | (cut & (shared > INSIDE * other_areas))


def _are_halves(box: np.ndarray, cut: np.ndarray, others: np.ndarray, other_cuts: np.ndarray) -> np.ndarray:
    """Which of the others go on where ``box`` is cut: cut at the facing border, meeting it, and as wide or high."""
    halves = np.zeros(len(others), bool)
    for side in np.flatnonzero(cut):
        facing = (side + 2) % 4
        low, high = (_TOP, _BOTTOM) if side in (_LEFT, _RIGHT) else (_LEFT, _RIGHT)
        shared = np.minimum(box[high], others[:, high]) - np.maximum(box[low], others[:, low])
        extent = np.minimum(box[high] - box[low], others[:, high] - others[:, low])
        onward = np.sign(side - facing)  # 1 to the right and down, -1 to the left and up
        meets = (box[side] - others[:, facing]) * onward >= 0
        goes_on = (others[:, side] - box[side]) * onward > 0
        halves |= other_cuts[:, facing] & meets & goes_on & (shared > SAME_EXTENT * extent)
    return halves


def _outermost(boxes: np.ndarray) -> list[int]:
    """Which of the boxes (m, 4) reaches furthest to the left, up, to the right and down."""
    return [*boxes[:, :2].argmin(axis=0), *boxes[:, 2:].argmax(axis=0)]


def _areas(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.maximum(high - low, 0).prod(axis=-1)
