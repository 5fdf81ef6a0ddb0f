"""A fully connected layer as a part: [connected] has one, recurrent layers have several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from darknetpy.dialect import Dialect
from darknetpy.kernels.activations import activate, activation_gradient
from darknetpy.layers.base import Array, Shape, Tape, size_of
from darknetpy.layers.parts.batch_normalization import (
    batch_norm_arrays,
    channel_sums,
    normalize,
    normalize_backward,
    per_channel,
)


@dataclass(frozen=True)
class FullyConnected:
    """Every output sees every input: a matrix product, batch normalization or biases, an activation.

    Shapes: any -> (outputs, 1, 1).
    """

    outputs: int
    activation: str
    normalized: bool = False

    def output_shape(self, shape: Shape) -> Shape:
        """The output's shape for an input of this shape."""
        return (self.outputs, 1, 1)

    def arrays(self, shape: Shape, *, scales_in_file: bool = True) -> list[Array]:
        """Its arrays for inputs of this shape, in file order: weights stand before those of batch normalization."""
        inputs = size_of(shape)
        weights = Array("weights", (self.outputs, inputs), bound=(2 / inputs) ** 0.5, matrix=True)
        scales = batch_norm_arrays(self.outputs, in_file=scales_in_file) if self.normalized else []
        return [Array("biases", (self.outputs,)), weights, *scales]

    def flops(self, shape: Shape) -> int:
        """A multiply-add for each weight."""
        return 2 * size_of(shape) * self.outputs

    def temporary(self, shape: Shape) -> int:
        """Values that `run` holds for one picture besides input, arrays and output."""
        return 0

    def run(
        self, x: np.ndarray, weights: Mapping[str, np.ndarray], dialect: Dialect, tape: Tape | None = None
    ) -> np.ndarray:
        """The output (n, outputs, 1, 1) for x (n, *shape), in its dtype, with arrays named as in :meth:`arrays`."""
        rows = x.reshape(len(x), -1)
        result = rows @ weights["weights"].astype(rows.dtype, copy=False).T
        if self.normalized:
            result = normalize(result, weights, dialect, tape)
        else:
            result = result + per_channel(weights["biases"], result)
        if tape is not None:
            tape.x, tape.before_activation = x, result
        return activate(self.activation, result).reshape(len(result), -1, 1, 1)

    def backward(self, gradient: np.ndarray, weights: Mapping[str, np.ndarray], tape: Tape) -> np.ndarray:
        """The gradient by x, from that by the output; those by arrays go to the tape, which is that of :meth:`run`."""
        before, rows = tape.before_activation, tape.x.reshape(len(tape.x), -1)
        gradient = activation_gradient(self.activation, before, gradient.reshape(before.shape))
        if self.normalized:
            gradient = normalize_backward(gradient, weights, tape)
        else:
            tape.add("biases", channel_sums(gradient))
        tape.add("weights", gradient.T @ rows)
        return (gradient @ weights["weights"].astype(gradient.dtype, copy=False)).reshape(tape.x.shape)
