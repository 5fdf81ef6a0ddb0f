"""[cost]: compares the network's answer with the truth. Source: pjreddie/darknet src/cost_layer.c."""

from __future__ import annotations

import numpy as np

from darknetpy.config.options import Kind, Option, Use
from darknetpy.layers.base import UNKNOWN, Layer, Tape

_TYPES = ("sse", "masked", "smooth", "seg", "L1", "wgan")


class Cost(Layer):
    """Passes its input on, and compares it with the truth. Shapes: unchanged.

    The gradient is that of half the loss (of all of it for L1), times ``scale``, as in Darknet, which prints the loss.
    """

    names = ("cost",)
    has_loss = True
    declared_options = (
        Option("type", "sse", "how a difference counts", Kind.WORD, choices=_TYPES, use=Use.TRAIN),
        Option("scale", 1.0, "factor on the gradient", Kind.NUMBER, use=Use.TRAIN),
        Option("ratio", 0.0, "smallest part of the gradients that is kept", Kind.NUMBER, minimum=0, maximum=1,
               use=Use.TRAIN),
        Option("noobj", 1.0, "factor on gradients where nothing is to be found", Kind.NUMBER, use=Use.TRAIN),
        Option("thresh", 0.0, "gradients below this are dropped", Kind.NUMBER, minimum=0, use=Use.TRAIN),
    )  # fmt: skip

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        if tape is not None and tape.truth is not None:
            tape.answer, truth = inputs[0], tape.truth.reshape(inputs[0].shape)
            tape.loss = float(self.losses(inputs[0], truth).sum())
        return inputs[0]

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        if tape.truth is None:
            return [gradient]
        truth = tape.truth.reshape(tape.answer.shape)
        return [gradient + self.options.scale * self._by_answer(tape.answer, truth)]

    def _by_answer(self, answer: np.ndarray, truth: np.ndarray) -> np.ndarray:
        difference = answer - truth
        if self.options.type == "smooth":
            return np.clip(difference, -1, 1)
        if self.options.type == "L1":
            return np.sign(difference)
        if self.options.type == "masked":
            return np.where(truth == UNKNOWN, 0, difference)
        return difference

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
