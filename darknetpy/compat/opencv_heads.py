"""What OpenCV's "Region" layers give for [yolo] and [region]: rows of boxes, one for each cell and anchor.

A row is (centre x, centre y, width, height, objectness, one probability a class), relative to the network's input;
probabilities at or below a threshold are 0. Measured with opencv-python-headless 4.14.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from darknetpy.compat.opencv_errors import error
from darknetpy.compat.opencv_suppression import suppressed
from darknetpy.graph import Node
from darknetpy.kernels.activations import activate
from darknetpy.layers.parts.anchors import anchor_sizes
from darknetpy.layers.parts.softmax import softmax
from darknetpy.layers.region import Region
from darknetpy.layers.yolo import Yolo

BESIDES_CLASSES = 5


@dataclass(frozen=True)
class RowsOfBoxes:
    """How the values of a head become rows; ``nms_threshold`` 0 leaves overlapping boxes in."""

    anchors: np.ndarray
    """(n, 2) float32: in pixels of the network's input, or in cells where ``in_cells``."""
    in_cells: bool
    thresh: float
    nms_threshold: float
    stretch: float = 1.0
    activated: bool = False
    """Whether the values come through a logistic, and sides are squares (``new_coords``)."""
    softmax: bool = False
    only_sure: bool = False
    """Whether boxes with an objectness below 1/2 have no probabilities (``classfix=-1``)."""

    def without_suppression(self) -> RowsOfBoxes:
        """The same with overlapping boxes left in, as DetectionModel wants it."""
        return replace(self, nms_threshold=0.0)

    def rows(self, values: np.ndarray, network_size: tuple[int, int]) -> np.ndarray:
        """Rows (n, boxes, 5 + classes) float32 for the head's input (n, c, h, w); network_size is (width, height)."""
        n, _, h, w = values.shape
        cells = values.reshape(n, len(self.anchors), -1, h, w).transpose(0, 3, 4, 1, 2)  # row, column, anchor, value
        logistic = cells if self.activated else activate("logistic", cells)
        rows = np.empty_like(cells, order="C")
        shift = np.float32((self.stretch - 1) / 2)
        columns, lines = (np.arange(side, dtype=np.float32) for side in (w, h))
        rows[..., 0] = (columns[:, np.newaxis] + logistic[..., 0] * np.float32(self.stretch) - shift) / w
        rows[..., 1] = (lines[:, np.newaxis, np.newaxis] + logistic[..., 1] * np.float32(self.stretch) - shift) / h
        with np.errstate(over="ignore"):
            sides = np.square(2 * cells[..., 2:4]) if self.activated else np.exp(cells[..., 2:4])
        unit = np.array((w, h) if self.in_cells else network_size, np.float32)
        rows[..., 2:4] = sides * (self.anchors / unit)
        rows[..., 4] = logistic[..., 4]
        rows[..., 5:] = self._probabilities(cells, logistic)
        flat = rows.reshape(n, -1, rows.shape[-1])
        if self.nms_threshold > 0:
            for picture in flat:
                self._suppress(picture)
        return flat

    def _probabilities(self, cells: np.ndarray, logistic: np.ndarray) -> np.ndarray:
        classes = softmax(cells[..., 5:], axis=-1) if self.softmax else logistic[..., 5:]
        objectness = logistic[..., 4:5]
        if self.only_sure:
            objectness = np.where(objectness < 0.5, np.float32(0), objectness)
        probabilities = objectness * classes
        return np.where(probabilities > np.float32(self.thresh), probabilities, np.float32(0))

    def _suppress(self, rows: np.ndarray) -> None:
        """Class by class, take the probability from boxes that overlap a likelier one."""
        boxes = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, 2:4]], axis=1)
        for column in range(BESIDES_CLASSES, rows.shape[1]):
            scores = rows[:, column].copy()
            if not (scores > 0).any():
                continue
            kept = suppressed(boxes, scores, self.thresh, self.nms_threshold)
            rows[:, column] = 0
            rows[kept, column] = scores[kept]


def rows_of_boxes(node: Node) -> RowsOfBoxes | None:
    """How a [yolo] or [region] gives rows; None for other layers.

    thresh= and nms_threshold= are read from the section as OpenCV does; to Darknet they mean other things, or nothing.
    """
    layer = node.layer
    if isinstance(layer, Yolo):
        return RowsOfBoxes(
            layer.anchors,
            in_cells=False,
            thresh=_number(node, "thresh", 0.2),
            nms_threshold=_number(node, "nms_threshold", 0.0),
            stretch=layer.stretch,
            activated=layer.new_coords,
        )
    if isinstance(layer, Region) and layer.tree is None and layer.options.coords == 4 and not layer.options.background:
        return RowsOfBoxes(
            anchor_sizes(layer),
            in_cells=True,
            thresh=_number(node, "thresh", 0.001),
            nms_threshold=0.4,
            softmax=bool(layer.options.softmax),
            only_sure=layer.options.classfix == -1,
        )
    return None


def _number(node: Node, option: str, default: float) -> float:
    text = node.layer.section.values.get(option)
    if text is None:
        return default
    try:
        return float(text)
    except ValueError:
        raise error(f"{option}={text}", "a number", **node.layer.section.at(option)) from None
