"""[l2norm]: channels of each pixel to unit length. Source: pjreddie/darknet src/l2norm_layer.c and src/blas.c."""

from __future__ import annotations

import numpy as np

from darknetpy.layers.base import Layer, Tape


class L2Norm(Layer):
    """Divides each pixel by its Euclidean length over the channels. Shapes: unchanged; flat values are one pixel.

    A pixel of zeros stays as it is, as in Darknet on a GPU (on a CPU it becomes NaN there).
    """

    names = ("l2norm",)

    def forward(self, inputs: list[np.ndarray], tape: Tape | None = None) -> np.ndarray:
        x = inputs[0]
        lengths = np.sqrt((x * x).sum(axis=1, keepdims=True))
        lengths = np.where(lengths == 0, 1, lengths)
        if tape is not None:
            tape.output, tape.lengths = x / lengths, lengths
        return x / lengths

    def backward(self, gradient: np.ndarray, tape: Tape) -> list[np.ndarray | None]:
        """Exact; Darknet passes the gradient on as it is."""
        along = (gradient * tape.output).sum(axis=1, keepdims=True)
        return [(gradient - tape.output * along) / tape.lengths]
