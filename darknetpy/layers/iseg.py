"""[iseg]: instance segmentation, classes and embeddings of pixels. Source: pjreddie/darknet src/iseg_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.config.options import Option
from darknetpy.kernels.activations import logistic
from darknetpy.layers.base import Layer, Shape, Tape


class Iseg(Layer):
    """The probability of each class at each pixel, and behind it the pixel's embedding as it comes.

    Shapes: (classes + ids, h, w), unchanged. Pixels of one object have embeddings that are near each other.
    """

    names = ("iseg",)
    needs_picture = True
    declared_options = (
        Option("classes", 20, "number of classes", minimum=1),
        Option("ids", 32, "values of an embedding", minimum=0),
    )

    def output_shape(self, shapes: list[Shape]) -> Shape:
        c, needed = shapes[0][0], self.options.classes + self.options.ids
        if c != needed:
            found = f"{c} channels for classes={self.options.classes} and ids={self.options.ids}"
            raise self.refusal(found, str(needed), f"Write filters={needed} in the layer before", option="classes")
        return shapes[0]

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        result = inputs[0].copy()
        result[:, : self.options.classes] = logistic(result[:, : self.options.classes])
        if tape is not None:
            tape.output = result
        return result

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        by_x = gradient.copy()
        p = tape.output[:, : self.options.classes]
        by_x[:, : self.options.classes] *= p * (1 - p)
        return [by_x]
