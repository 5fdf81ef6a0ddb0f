"""[yolo]: the head of YOLOv3 and its followers.

Source: Redmon and Farhadi 2018, "YOLOv3: an incremental improvement"; AlexeyAB/darknet src/yolo_layer.c.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from darknetpy.config.options import Kind, Option, Use
from darknetpy.errors import DarknetpyWarning
from darknetpy.kernels.activations import activate
from darknetpy.layers.base import Shape, Tape
from darknetpy.layers.parts.grid import above, boxes_above, exponential
from darknetpy.layers.parts.head import Candidates
from darknetpy.layers.parts.masked_anchors import SHARED_OPTIONS, MaskedAnchorsHead, nms_kind_option

OBJECTNESS = 4
_TRACKING = "following objects through a video, which darknetpy does not do"
_EXTENSIONS = ("scale_x_y", "new_coords", "nms_kind")


class Yolo(MaskedAnchorsHead):
    """x, y, width, height, objectness and classes of a box for each anchor in each cell.

    Shapes: (n * (5 + classes), h, w) -> the same, for n anchors in use.

    Output: x, y = s * logistic(t) - (s - 1) / 2 with s = scale_x_y, the other values logistic(t), but width and height
    as they come. With ``new_coords`` there is no logistic: the layer before has it.

    Boxes, relative to the network's input: ((column + x) / w, (row + y) / h), sides e^t * anchor / network size, with
    ``new_coords`` 4 * t^2 * anchor / network size. The probability of a class is its value times the objectness.
    """

    names = ("yolo",)
    values = 5
    declared_options = (
        *SHARED_OPTIONS,
        Option("new_coords", False, "the layer before has the logistic; sides are squares", Kind.FLAG),
        nms_kind_option(),
        Option("focal_loss", False, "focal loss of the classes", Kind.FLAG, use=Use.TRAIN),
        Option("embedding_layer", 999999, "layer whose output tells objects apart", use=Use.TRAIN),
        Option("show_details", 1, "how much is printed while training", use=Use.NONE),
        Option("track_history_size", 5, _TRACKING, use=Use.NONE),
        Option("sim_thresh", 0.8, _TRACKING, Kind.NUMBER, use=Use.NONE),
        Option("dets_for_track", 1, _TRACKING, use=Use.NONE),
        Option("dets_for_show", 1, _TRACKING, use=Use.NONE),
        Option("track_ciou_norm", 0.01, _TRACKING, Kind.NUMBER, use=Use.NONE),
    )

    @property
    def nms_kind(self) -> str:
        return str(self.options.nms_kind) if self.dialect.yolo_extensions else "default"

    @property
    def beta_nms(self) -> float:
        return float(self.options.beta_nms)

    @property
    def stretch(self) -> float:
        """The factor on x and y around the middle of the cell."""
        return float(self.options.scale_x_y) if self.dialect.yolo_extensions else 1.0

    @property
    def new_coords(self) -> bool:
        """Whether the values come activated, and sides are squares."""
        return bool(self.options.new_coords and self.dialect.yolo_extensions)

    def remarks(self, shapes: list[Shape]) -> Iterator[DarknetpyWarning]:
        yield from super().remarks(shapes)
        for option in self.declared_options:
            value = self.options[option.name]
            if option.name in _EXTENSIONS and value != option.default and not self.dialect.yolo_extensions:
                found = f"{option.name}={int(value) if isinstance(value, bool) else value}"
                remedy = f"The program of dialect {self.dialect.name} does not know it, so it is ignored"
                yield DarknetpyWarning(found, "", remedy, **self.section.at(option.name))

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        cells = self.cells(inputs[0])
        result = cells.copy() if self.new_coords else activate("logistic", cells)
        result[:, :, 2:4] = cells[:, :, 2:4]
        if self.stretch != 1:
            result[:, :, :2] = result[:, :, :2] * self.stretch - (self.stretch - 1) / 2
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
        found = boxes_above(self.cells(output), OBJECTNESS, thresh)
        values = found.values
        given = values[:, 2:4].astype(np.float64)
        factors = 4 * given**2 if self.new_coords else exponential(given)
        sides = factors * self.anchors[found.anchors] / np.array(network_size)
        boxes = found.placed((values[:, 0], values[:, 1]), (sides[:, 0], sides[:, 1]), output.shape[:0:-1])
        objectness = values[:, OBJECTNESS]
        return Candidates(boxes, objectness, above(objectness[:, np.newaxis] * values[:, self.values :], thresh), {})
