"""What [yolo] and [Gaussian_yolo] share: options, and anchors of which each head uses some.

Source: AlexeyAB/darknet src/parser.c, parse_yolo and parse_gaussian_yolo.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from darknetpy.config.options import REQUIRED, Default, Kind, Option, Use
from darknetpy.errors import DarknetpyWarning
from darknetpy.layers.base import Shape
from darknetpy.layers.parts.anchors import NUM, anchor_sizes, anchor_warnings, anchors_option
from darknetpy.layers.parts.head import CLASSES, MAP, Head

NMS_KINDS = ("default", "greedynms", "diounms")
LARGEST_FLOAT = float(np.finfo(np.float32).max)
_MAX = Default("200 (pjreddie: 90)", lambda earlier, dialect: dialect.yolo_max)


def _train(name: str, default: object, meaning: str, kind: Kind = Kind.NUMBER, **bounds: float | bool) -> Option:
    return Option(name, default, meaning, kind, use=Use.TRAIN, **bounds)  # type: ignore[arg-type]


def nms_kind_option(*more: str) -> Option:
    """The ``nms_kind=`` option of a head that knows the usual kinds and ``more``."""
    meaning = "which overlapping boxes are suppressed"
    return Option("nms_kind", "default", meaning, Kind.WORD, choices=(*NMS_KINDS, *more))


SHARED_OPTIONS = (
    CLASSES,
    NUM,
    Option("mask", Default("all", lambda earlier, dialect: tuple(range(earlier.num))),
           "which of the anchors this head uses", Kind.INTEGERS),
    anchors_option(REQUIRED, "pixels of the network's input"),
    Option("scale_x_y", 1.0, "stretches the range of x and y around the middle of the cell", Kind.NUMBER),
    Option("beta_nms", 0.6, "exponent of the distance (nms_kind=diounms)", Kind.NUMBER, minimum=0),
    _train("max", _MAX, "most objects in a picture", Kind.INTEGER, minimum=1),
    MAP,
    _train("jitter", 0.2, "random change of crop and proportions", minimum=0, below=1),
    _train("resize", 1.0, "random change of scale", minimum=0, open_bounds=True),
    _train("random", 0.0, "several input sizes", minimum=0),
    _train("ignore_thresh", 0.5, "the IoU from which on a box without an object is not held against the network"),
    _train("truth_thresh", 1.0, "the IoU from which on a box counts as a match of its object"),
    _train("iou_thresh", 1.0, "the IoU from which on further anchors are trained on an object"),
    Option("iou_thresh_kind", "iou", "which overlap iou_thresh= means", Kind.WORD,
           choices=("iou", "giou", "diou", "ciou"), use=Use.TRAIN),
    Option("iou_loss", "mse", "loss of the box", Kind.WORD, choices=("mse", "iou", "giou", "diou", "ciou"),
           use=Use.TRAIN),
    _train("iou_normalizer", 0.75, "factor on the loss of the box"),
    _train("obj_normalizer", 1.0, "factor on the loss of the objectness"),
    _train("cls_normalizer", 1.0, "factor on the loss of the classes"),
    _train("delta_normalizer", 1.0, "factor on all of them"),
    _train("max_delta", LARGEST_FLOAT, "largest size of a gradient of the box", minimum=0, open_bounds=True),
    _train("label_smooth_eps", 0.0, "label smoothing", minimum=0, below=1),
    Option("objectness_smooth", False, "the objectness is trained towards the IoU", Kind.FLAG, use=Use.TRAIN),
    _train("counters_per_class", (), "number of objects of each class, which evens out rare ones", Kind.INTEGERS,
           minimum=0),
)  # fmt: skip


class MaskedAnchorsHead(Head):
    """A head with ``values`` values of each box besides its classes, and anchors in pixels of the network's input."""

    needs_picture = True
    values: int

    def prepare(self) -> None:
        num, mask = self.options.num, self.options.mask
        if not all(0 <= number < max(num, len(self.options.anchors) // 2) for number in mask):
            found = f"mask={','.join(map(str, mask))} with num={num}"
            remedy = "Anchors count from 0; num= is the number of all of them"
            raise self.refusal(found, f"numbers from 0 to {num - 1}", remedy, "mask")

    def check_training(self) -> None:
        super().check_training()
        counters = self.options.counters_per_class
        if counters and len(counters) != self.classes:
            found = f"{len(counters)} numbers in counters_per_class="
            raise self.refusal(found, f"one for each of classes={self.classes}", "Count again", "counters_per_class")

    @property
    def anchors(self) -> np.ndarray:
        """Width and height of the anchors in use, (n, 2) float32, in pixels of the network's input."""
        mask = list(self.options.mask)
        return anchor_sizes(self, max(mask) + 1)[mask]

    @property
    def per_class(self) -> int:
        return len(self.options.mask)

    @property
    def besides_classes(self) -> int:
        return len(self.options.mask) * self.values

    def remarks(self, shapes: list[Shape]) -> Iterator[DarknetpyWarning]:
        yield from anchor_warnings(self, "Those that mask= names are used; num= is the number of all of them")
        mask = self.options.mask
        if len(set(mask)) < len(mask):
            found = f"mask={','.join(map(str, mask))}"
            remedy = "The head finds the same boxes several times"
            yield DarknetpyWarning(found, "each anchor once", remedy, **self.section.at("mask"))
        for name in ("ignore_thresh", "truth_thresh", "iou_thresh"):
            value = self.options[name]
            if not 0 <= value <= 1:
                remedy = "It only matters for training"
                yield DarknetpyWarning(f"{name}={value:g}", "a number from 0 to 1", remedy, **self.section.at(name))

    def cells(self, x: np.ndarray) -> np.ndarray:
        """Values (..., c, h, w) as (..., anchors, values of a box, h, w)."""
        return x.reshape(*x.shape[:-3], len(self.options.mask), -1, *x.shape[-2:])
