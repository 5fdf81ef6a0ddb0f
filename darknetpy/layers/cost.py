"""[cost]: compares the network's answer with the truth. Source: pjreddie/darknet src/cost_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.config.options import Kind, Option, Use
from darknetpy.layers.base import Layer, Tape

UNKNOWN = -1234.0  # a truth that says nothing (SECRET_NUM in Darknet)
_TYPES = ("sse", "masked", "smooth", "seg", "L1", "wgan")


class Cost(Layer):
    """Passes its input on; training takes its losses. Shapes: unchanged."""

    names = ("cost",)
    declared_options = (
        Option("type", "sse", "how a difference counts", Kind.WORD, choices=_TYPES, use=Use.TRAIN),
        Option("scale", 1.0, "factor on the gradient", Kind.NUMBER, use=Use.TRAIN),
        Option("ratio", 0.0, "smallest part of the gradients that is kept", Kind.NUMBER, minimum=0, maximum=1,
               use=Use.TRAIN),
        Option("noobj", 1.0, "factor on gradients where nothing is to be found", Kind.NUMBER, use=Use.TRAIN),
        Option("thresh", 0.0, "gradients below this are dropped", Kind.NUMBER, minimum=0, use=Use.TRAIN),
    )  # fmt: skip

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        return inputs[0]

    def losses(self, answer: np.ndarray, truth: np.ndarray) -> np.ndarray:
        """The loss of each value, in the shape and dtype of ``answer``; ``truth`` has the same shape.

        With d = truth - answer: smooth is d^2 within 1 and 2|d| - 1 outside, L1 is |d|, the others are d^2; masked
        leaves out values whose truth is -1234.
        """
        difference = truth - answer
        size = np.abs(difference)
        if self.options.type == "smooth":
            return np.where(size < 1, size * size, 2 * size - 1)
        if self.options.type == "L1":
            return size
        if self.options.type == "masked":
            return np.where(truth == UNKNOWN, 0, size * size)
        return size * size
