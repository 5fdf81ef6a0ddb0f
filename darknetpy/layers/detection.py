"""[detection]: the head of the first YOLO.

Source: Redmon et al. 2016, "You only look once"; AlexeyAB/darknet src/detection_layer.c.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from darknetpy.config.options import Default, Kind, Option, Use
from darknetpy.layers.base import Shape, Tape, Window, size_of
from darknetpy.layers.parts.grid import above
from darknetpy.layers.parts.head import Candidates, Head
from darknetpy.layers.parts.softmax import softmax

COORDINATES = 4
_MAX = Default("200 (pjreddie: 90)", lambda earlier, dialect: dialect.yolo_max)
_SCALES = (
    ("coord_scale", "boxes"), ("object_scale", "objectness of objects"), ("noobject_scale", "objectness of the rest"),
    ("class_scale", "classes"),
)  # fmt: skip


class Detection(Head):
    """A grid of ``side`` x ``side`` cells, each with the probabilities of its classes and ``num`` boxes.

    Shapes: any of side^2 * (classes + num * 5) values -> (values,).

    The values are first the classes of each cell, then the objectness of each box of each cell, then x, y, width and
    height of each. Output: as they come, with ``softmax`` the classes of each cell through a softmax.

    Boxes, relative to the network's input: ((column + x) / side, (row + y) / side), width and height as they come, or
    squared (``sqrt``). The probability of a class is the cell's value times the objectness of the box.
    """

    names = ("detection",)
    declared_options = (
        Option("coords", 1, "values of a box besides its objectness; only 4 has a meaning", minimum=1),
        Option("classes", 1, "number of classes", minimum=1),
        Option("num", 1, "boxes in each cell", minimum=1),
        Option("side", 7, "cells in each row and column", minimum=1),
        Option("softmax", False, "softmax over the classes of a cell", Kind.FLAG),
        Option("sqrt", False, "width and height are given by their roots", Kind.FLAG),
        Option("max", _MAX, "most objects in a picture", minimum=1, use=Use.TRAIN),
        Option("jitter", 0.2, "random change of crop and proportions", Kind.NUMBER, minimum=0, below=1, use=Use.TRAIN),
        Option("resize", 1.0, "random change of scale", Kind.NUMBER, minimum=0, open_bounds=True, use=Use.TRAIN),
        Option("random", 0.0, "trains a random box of each cell at first", Kind.NUMBER, minimum=0, use=Use.TRAIN),
        Option("rescore", False, "the objectness is trained towards the IoU", Kind.FLAG, use=Use.TRAIN),
        Option("forced", False, "large objects train the second box, small ones the first", Kind.FLAG, use=Use.TRAIN),
        *(Option(name, 1.0, f"factor on the loss of the {what}", Kind.NUMBER, use=Use.TRAIN) for name, what in _SCALES),
        Option("reorg", False, "no program of Darknet's uses it", Kind.FLAG, use=Use.NONE),
    )

    def prepare(self) -> None:
        if self.options.coords != COORDINATES:
            found = f"coords={self.options.coords}" if "coords" in self.options.given else "no coords="
            raise self.refusal(found, f"coords={COORDINATES}", f"Write coords={COORDINATES}", "coords")

    @property
    def per_class(self) -> int:
        return int(self.options.side**2)

    @property
    def besides_classes(self) -> int:
        return int(self.options.side**2 * self.options.num * (COORDINATES + 1))

    @property
    def preprocess(self) -> str:
        return "stretch"  # what the program of the first YOLO does in either dialect

    def check_training(self) -> None:
        """Nothing: the section has no map=."""

    def output_shape(self, shapes: list[Shape]) -> Shape:
        return (size_of(shapes[0]),)

    def window(self) -> Window | None:
        return None

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        result = inputs[0].reshape(len(inputs[0]), -1).copy()
        if self.options.softmax:
            cells = result[:, : self.per_class * self.classes]
            cells[:] = softmax(cells.reshape(len(result), -1, self.classes), axis=2).reshape(cells.shape)
        return result

    def candidates(
        self,
        output: np.ndarray,
        network_size: tuple[int, int],
        thresh: float,
        *,
        hier_thresh: float = 0.5,
        class_map: Sequence[int] | None = None,
    ) -> Candidates:
        side, num = self.options.side, self.options.num
        classes, objectness, coordinates = np.split(output, np.cumsum([side**2 * self.classes, side**2 * num]))
        cells = np.repeat(np.arange(side**2, dtype=np.float32), num)
        corners = np.stack([cells % side, cells // side], axis=1)
        given = coordinates.reshape(-1, COORDINATES)
        with np.errstate(over="ignore"):
            sides = given[:, 2:].astype(np.float64) ** (2 if self.options.sqrt else 1)
            boxes = np.concatenate([(given[:, :2] + corners) / side, sides], axis=1).astype(np.float32)
        by_box = np.repeat(classes.reshape(-1, self.classes), num, axis=0)
        return Candidates(boxes, objectness, above(objectness[:, np.newaxis] * by_box, thresh), {})
