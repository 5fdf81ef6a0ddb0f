"""Heads that lay a grid over the picture: every cell has a box for each anchor.

Source: AlexeyAB/darknet src/yolo_layer.c, gaussian_yolo_layer.c and region_layer.c.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Boxes(NamedTuple):
    """Some boxes of a grid: their ``values`` (n, k), and the column, row and anchor of each (n,), int64."""

    values: np.ndarray
    columns: np.ndarray
    rows: np.ndarray
    anchors: np.ndarray

    def placed(
        self, offsets: tuple[np.ndarray, np.ndarray], sides: tuple[np.ndarray, np.ndarray], grid: tuple[int, int]
    ) -> np.ndarray:
        """(n, 4) float32 of centre x, centre y, width and height.

        ``offsets`` are those of the centre in its cell, in cells of the grid (width, height); ``sides`` and the result
        are relative to the network's input.
        """
        x = (self.columns.astype(np.float32) + offsets[0]) / grid[0]
        y = (self.rows.astype(np.float32) + offsets[1]) / grid[1]
        with np.errstate(over="ignore"):
            return np.stack([x, y, *sides], axis=1).astype(np.float32)


def boxes_above(cells: np.ndarray, objectness: int, thresh: float) -> Boxes:
    """The boxes whose value number ``objectness`` exceeds the threshold, row by row, cell by cell, then by anchor.

    ``cells`` is (anchors, values, h, w).
    """
    rows, columns, anchors = np.nonzero(cells[:, objectness].transpose(1, 2, 0) > thresh)
    return Boxes(cells[anchors, :, rows, columns], columns, rows, anchors)


def every_box(cells: np.ndarray, *, by_anchor: bool) -> Boxes:
    """All boxes, row by row and cell by cell, the anchors of a cell together or (``by_anchor``) one after the other."""
    count, values, height, width = cells.shape
    shape = (count, height, width) if by_anchor else (height, width, count)
    places = [axis.reshape(-1) for axis in np.indices(shape)]
    anchors, rows, columns = places if by_anchor else (places[2], places[0], places[1])
    order = (0, 2, 3, 1) if by_anchor else (2, 3, 0, 1)
    return Boxes(cells.transpose(order).reshape(-1, values), columns, rows, anchors)


def exponential(values: np.ndarray) -> np.ndarray:
    """e^x in float64, as the C programs compute it; infinite where that is too large, without a word."""
    with np.errstate(over="ignore"):
        return np.exp(values.astype(np.float64))


def above(probabilities: np.ndarray, thresh: float) -> np.ndarray:
    """The probabilities that exceed the threshold, 0 in place of the others."""
    return np.where(probabilities > thresh, probabilities, probabilities.dtype.type(0))
