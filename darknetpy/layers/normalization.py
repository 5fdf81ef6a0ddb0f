"""[normalization]: each value against its neighbours in other channels.

Source: Krizhevsky, Sutskever and Hinton 2012, section 3.3; AlexeyAB/darknet src/normalization_layer.c.
"""

from __future__ import annotations

import numpy as np

from darknetpy.config.options import Kind, Option
from darknetpy.layers.base import Layer, Shape, Tape


class Normalization(Layer):
    """Local response normalization: x / norm^beta, pixel by pixel. Shapes: (c, h, w), unchanged.

    norm[k] = kappa + alpha * (squares of channels k - (size - 1) // 2 to k + size // 2, less that of channel size // 2)

    That channel is missing from every norm because Darknet forgets it in the first one and derives the others from
    there; networks were trained so. Where a norm is below zero the result is NaN.
    """

    names = ("normalization", "lrn")
    needs_picture = True
    declared_options = (
        Option("alpha", 0.0001, "factor on the sum of squares", Kind.NUMBER),
        Option("beta", 0.75, "exponent of the norm", Kind.NUMBER),
        Option("kappa", 1.0, "what is added to the sum", Kind.NUMBER),
        Option("size", 5, "number of neighbouring channels in a sum", minimum=1),
    )

    def output_shape(self, shapes: list[Shape]) -> Shape:
        c = shapes[0][0]
        if self.options.size > 2 * c:
            found = f"size={self.options.size} with {c} channels"
            raise self.refusal(found, f"at most {2 * c}", "Write a smaller size", option="size")
        return shapes[0]

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        x = inputs[0]
        norms = self.options.kappa + self.options.alpha * self._sums(x * x)
        if tape is not None:
            tape.x, tape.norms = x, norms
        with np.errstate(invalid="ignore", divide="ignore"):
            return x * norms**-self.options.beta

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        """Exact; Darknet takes the norms for constants."""
        alpha, beta, x, norms = self.options.alpha, self.options.beta, tape.x, tape.norms
        by_norms = -beta * gradient * x * norms ** (-beta - 1)
        return [gradient * norms**-beta + 2 * alpha * x * self._sums_backward(by_norms)]

    def _sums(self, squares: np.ndarray) -> np.ndarray:
        """The sum of the squares (n, c, h, w) around each channel, without the one that is forgotten."""
        size, c = self.options.size, squares.shape[1]
        padded = np.pad(squares, ((0, 0), ((size - 1) // 2, size // 2), (0, 0), (0, 0)))
        sums = np.zeros_like(squares)
        for first in range(size):
            sums += padded[:, first : first + c]
        return sums - squares[:, size // 2 : size // 2 + 1] if size // 2 < c else sums

    def _sums_backward(self, gradient: np.ndarray) -> np.ndarray:
        """The gradient by the squares, from that by their sums: each goes back to all channels that were summed."""
        size, c = self.options.size, gradient.shape[1]
        before = (size - 1) // 2
        by_padded = np.zeros((len(gradient), c + size - 1, *gradient.shape[2:]), gradient.dtype)
        for first in range(size):
            by_padded[:, first : first + c] += gradient
        by_squares = by_padded[:, before : before + c]
        if size // 2 < c:
            by_squares[:, size // 2] -= gradient.sum(axis=1)
        return by_squares
