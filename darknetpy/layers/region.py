"""[region]: the head of YOLOv2, and of YOLO9000 with its tree of classes.

Source: Redmon and Farhadi 2017, "YOLO9000: better, faster, stronger"; AlexeyAB/darknet and pjreddie/darknet
src/region_layer.c.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from darknetpy.config.named_files import find_named_file
from darknetpy.config.options import Default, Kind, Option, Use
from darknetpy.config.tree import Tree, read_tree
from darknetpy.errors import DarknetpyWarning
from darknetpy.kernels.activations import activate
from darknetpy.layers.base import Shape, Tape
from darknetpy.layers.parts.anchors import NUM, anchor_sizes, anchor_warnings, anchors_option
from darknetpy.layers.parts.grid import above, every_box, exponential
from darknetpy.layers.parts.head import CLASSES, MAP, Candidates, Head
from darknetpy.layers.parts.softmax import softmax

_MAX = Default("200 (pjreddie: 30)", lambda earlier, dialect: dialect.region_max)
_NOT_USED = "no program of Darknet's uses it"
_SCALES = (
    ("coord_scale", "coordinates"), ("object_scale", "objectness of objects"),
    ("noobject_scale", "objectness of the rest"), ("mask_scale", "values past the fourth coordinate"),
    ("class_scale", "classes"),
)  # fmt: skip


class Region(Head):
    """Coordinates, objectness and classes of a box for each anchor in each cell; anchors are in cells.

    Shapes: (num * (coords + 1 + classes), h, w) -> the same.

    Output: the objectness through the logistic, the classes through a softmax (``softmax``, or for each group of
    siblings of the ``tree``). In the pjreddie dialect x and y, and classes without softmax, pass the logistic too; in
    the other they stay as they come, and x and y get it when boxes are made. With ``background`` the softmax begins at
    the objectness, whose place the class "nothing" takes. AlexeyAB's program keeps the output in the order row,
    column, anchor, value; here it is (c, h, w) in both dialects.

    Boxes, relative to the network's input: ((column + x) / w, (row + y) / h), sides (e^t * anchor width / w,
    e^t * anchor height / h). The probability of a class is its value times the objectness.
    """

    names = ("region",)
    needs_picture = True
    declared_options = (
        Option("coords", 4, "values of a box before its objectness", minimum=4),
        CLASSES,
        NUM,
        anchors_option((), "cells"),
        Option("softmax", False, "softmax over the classes", Kind.FLAG),
        Option("background", False, "a class for nothing in place of the objectness", Kind.FLAG),
        Option("tree", None, "file with the tree of classes", Kind.PATH),
        Option("classfix", 0, "with -1 boxes with an objectness below 1/2 are dropped", minimum=-1),
        Option("max", _MAX, "most objects in a picture", minimum=1, use=Use.TRAIN),
        MAP,
        Option("jitter", 0.2, "random change of crop and proportions", Kind.NUMBER, minimum=0, below=1, use=Use.TRAIN),
        Option("resize", 1.0, "random change of scale", Kind.NUMBER, minimum=0, open_bounds=True, use=Use.TRAIN),
        Option("random", 0.0, "several input sizes", Kind.NUMBER, minimum=0, use=Use.TRAIN),
        Option("thresh", 0.5, "the IoU from which on a box without an object is not held against the network",
               Kind.NUMBER, use=Use.TRAIN),
        Option("rescore", False, "the objectness is trained towards the IoU", Kind.FLAG, use=Use.TRAIN),
        Option("bias_match", False, "anchors are compared by their sizes alone", Kind.FLAG, use=Use.TRAIN),
        Option("focal_loss", False, "focal loss of the classes", Kind.FLAG, use=Use.TRAIN),
        *(Option(name, 1.0, f"factor on the loss of the {what}", Kind.NUMBER, use=Use.TRAIN) for name, what in _SCALES),
        *(Option(name, False, _NOT_USED, Kind.FLAG, use=Use.NONE) for name in ("log", "sqrt", "absolute")),
    )  # fmt: skip

    def prepare(self) -> None:
        if self.options.tree is not None:
            self.tree = read_tree(find_named_file(self.section, "tree", self.options.tree))
            if len(self.tree) != self.classes:
                found = f"tree={self.options.tree} has {len(self.tree)} nodes for classes={self.classes}"
                raise self.refusal(found, "one for each class", f"Write classes={len(self.tree)}", "tree")

    @property
    def anchors(self) -> np.ndarray:
        """Width and height of the anchors, (num, 2) float32, in cells."""
        return anchor_sizes(self)

    @property
    def per_class(self) -> int:
        return int(self.options.num)

    @property
    def besides_classes(self) -> int:
        return int(self.options.num * (self.options.coords + 1))

    def remarks(self, shapes: list[Shape]) -> Iterator[DarknetpyWarning]:
        yield from anchor_warnings(self, f"The first {2 * self.options.num} are used")

    def _cells(self, x: np.ndarray) -> np.ndarray:
        return x.reshape(*x.shape[:-3], self.options.num, -1, *x.shape[-2:])

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        result, coords = self._cells(inputs[0]).copy(), self.options.coords
        through_logistic = [slice(4, coords)]
        if not self.options.background:
            through_logistic.append(slice(coords, coords + 1))
        if self.dialect.region_activates_all:
            through_logistic.append(slice(2))
        if self.tree is not None:
            for group in self.tree.groups:
                part = slice(coords + 1 + group.start, coords + 1 + group.stop)
                result[:, :, part] = softmax(result[:, :, part], axis=2)
        elif self.options.softmax:
            part = slice(coords if self.options.background else coords + 1, None)
            result[:, :, part] = softmax(result[:, :, part], axis=2)
        elif self.dialect.region_activates_all:
            through_logistic.append(slice(coords + 1, None))
        for part in through_logistic:
            result[:, :, part] = activate("logistic", result[:, :, part])
        return result.reshape(inputs[0].shape)

    def candidates(
        self,
        output: np.ndarray,
        network_size: tuple[int, int],
        thresh: float,
        *,
        hier_thresh: float = 0.5,
        class_map: Sequence[int] | None = None,
    ) -> Candidates:
        coords = self.options.coords
        found = every_box(self._cells(output), by_anchor=self.dialect.region_boxes_by_anchor)
        values = found.values
        positions = values[:, :2] if self.dialect.region_activates_all else activate("logistic", values[:, :2])
        grid = output.shape[:0:-1]
        sides = exponential(values[:, 2:4]) * self.anchors[found.anchors] / np.array(grid)
        boxes = found.placed((positions[:, 0], positions[:, 1]), (sides[:, 0], sides[:, 1]), grid)
        objectness = self._objectness(values)
        classes = values[:, coords + 1 :]
        if self.tree is None:
            probabilities = above(objectness[:, np.newaxis] * classes, thresh)
        else:
            probabilities = self._along_tree(self.tree, classes, objectness, thresh, hier_thresh, class_map)
        if self.dialect.region_boxes_by_anchor:
            objectness = above(objectness, thresh)
        more = {"mask": values[:, 4:coords]} if coords > 4 else {}
        return Candidates(boxes, objectness, probabilities, more)

    def _objectness(self, values: np.ndarray) -> np.ndarray:
        objectness = values[:, self.options.coords]
        if self.options.background:
            return np.ones_like(objectness)
        return np.where(objectness < 0.5, 0, objectness) if self.options.classfix == -1 else objectness

    def _along_tree(
        self,
        tree: Tree,
        classes: np.ndarray,
        objectness: np.ndarray,
        thresh: float,
        hier_thresh: float,
        class_map: Sequence[int] | None,
    ) -> np.ndarray:
        """The probabilities of each box, (n, classes) or (n, length of the map).

        With a map all its classes have their probability along the way from the root. Otherwise one class of a box with
        enough objectness has one: the last of the file whose probability along the way exceeds ``hier_thresh``; or
        where the dialect walks the tree, the one that the walk ends at, with the objectness as its probability.
        """
        strong = objectness > thresh
        if class_map is not None:
            absolute = tree.absolute(classes)[:, list(class_map)]
            return above(objectness[:, np.newaxis] * absolute, thresh)
        result = np.zeros_like(classes)
        absolute = tree.absolute(classes[strong])
        if self.dialect.region_walks_tree:
            chosen = [tree.walk(values, hier_thresh) for values in absolute]
            result[np.flatnonzero(strong), chosen] = objectness[strong]
            return result
        over = absolute > hier_thresh
        rows = np.flatnonzero(over.any(axis=1))
        last = over.shape[1] - 1 - over[rows, ::-1].argmax(axis=1)
        result[np.flatnonzero(strong)[rows], last] = absolute[rows, last]
        return result
