"""[Gaussian_yolo]: a head that also says how sure it is of each coordinate.

Source: Choi et al. 2019, "Gaussian YOLOv3"; AlexeyAB/darknet src/gaussian_yolo_layer.c.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from darknetpy.config.options import Kind, Option, Use
from darknetpy.kernels.activations import activate
from darknetpy.layers.base import Tape
from darknetpy.layers.parts.grid import above, boxes_above, exponential
from darknetpy.layers.parts.head import Candidates
from darknetpy.layers.parts.masked_anchors import SHARED_OPTIONS, MaskedAnchorsHead, nms_kind_option

OBJECTNESS = 8
POSITIONS, SIDES, UNCERTAINTIES = [0, 2], [4, 6], [1, 3, 5, 7]
_POINTS = {"center": 0.0, "left_top": 0.5, "right_bottom": -0.5}  # sides from the point to the centre


class GaussianYolo(MaskedAnchorsHead):
    """As [yolo], with an uncertainty behind each of x, y, width and height.

    Shapes: (n * (9 + classes), h, w) -> the same, for n anchors in use.

    Output: all values through the logistic but width and height; x and y stretched by ``scale_x_y`` as in [yolo].
    ``yolo_point`` says which point of the box x and y mean. The probability of a class is its value times the
    objectness times 1 - the mean of the uncertainties.
    """

    names = ("Gaussian_yolo",)
    values = 9
    declared_options = (
        *SHARED_OPTIONS,
        nms_kind_option("cornersnms"),
        Option("yolo_point", "center", "the point of the box that x and y mean", Kind.WORD, choices=tuple(_POINTS)),
        Option("uc_normalizer", 1.0, "factor on the loss of the uncertainties", Kind.NUMBER, use=Use.TRAIN),
    )

    @property
    def nms_kind(self) -> str:
        return str(self.options.nms_kind) if self.dialect.yolo_extensions else "default"

    @property
    def beta_nms(self) -> float:
        return float(self.options.beta_nms)

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        cells, stretch = self.cells(inputs[0]), self.options.scale_x_y
        result = activate("logistic", cells)
        result[:, :, SIDES] = cells[:, :, SIDES]
        if stretch != 1:
            result[:, :, POSITIONS] = result[:, :, POSITIONS] * stretch - (stretch - 1) / 2
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
        sides = exponential(values[:, SIDES]) * self.anchors[found.anchors] / np.array(network_size)
        boxes = found.placed((values[:, 0], values[:, 2]), (sides[:, 0], sides[:, 1]), output.shape[:0:-1])
        with np.errstate(over="ignore"):
            boxes[:, :2] += np.float32(_POINTS[self.options.yolo_point]) * boxes[:, 2:]
        objectness, uncertainty = values[:, OBJECTNESS], values[:, UNCERTAINTIES]
        sure = 1 - uncertainty.mean(axis=1, keepdims=True)
        probabilities = objectness[:, np.newaxis] * values[:, self.values :] * sure
        return Candidates(boxes, objectness, above(probabilities, thresh), {"uncertainty": uncertainty})
