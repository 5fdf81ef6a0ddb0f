"""A convolution as a part: [convolutional] has one, recurrent layers have several."""

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
from darknetpy.layers.parts.windows import pad, padded_size, steps, tap, unpad

BITS_AT_ONCE = 32  # of an xnor convolution


@dataclass(frozen=True)
class Convolution:
    """Filters that slide over pictures, then batch normalization or biases, then an activation.

    ``padding`` is in pixels on each side, ``strides`` are vertical and horizontal, ``dilation`` is the distance
    between neighbouring cells of a filter.
    """

    filters: int
    size: int
    activation: str
    padding: int = 0
    strides: tuple[int, int] = (1, 1)
    dilation: int = 1
    groups: int = 1
    normalized: bool = False
    xnor: bool = False

    @property
    def reach(self) -> int:
        """Side of the square of pixels that a filter spans."""
        return self.dilation * (self.size - 1) + 1

    def output_shape(self, shape: Shape) -> Shape:
        """The output's shape for pictures (c, h, w); sides below 1 where the filter does not fit."""
        sides = (
            steps(side, 2 * self.padding, self.reach, stride)
            for side, stride in zip(shape[1:], self.strides, strict=True)
        )
        return (self.filters, *sides)

    def arrays(self, shape: Shape, *, scales_in_file: bool = True) -> list[Array]:
        """Its arrays for pictures (c, h, w), in file order: those of batch normalization stand before the filters."""
        filters = (self.filters, shape[0] // self.groups, self.size, self.size)
        weights = Array("weights", filters, bound=(2 / size_of(filters[1:])) ** 0.5)
        scales = batch_norm_arrays(self.filters, in_file=scales_in_file) if self.normalized else []
        return [Array("biases", (self.filters,)), *scales, weights]

    def flops(self, shape: Shape) -> int:
        """Twice the products; with ``xnor`` a 32nd of that, as Darknet counts 32 bits as one number."""
        products = size_of(self.output_shape(shape)) * (shape[0] // self.groups) * self.size**2
        return 2 * products // (BITS_AT_ONCE if self.xnor else 1)

    def temporary(self, shape: Shape) -> int:
        """Values that `run` holds for one picture besides input, arrays and output."""
        return padded_size(shape, 2 * self.padding)

    def run(
        self, x: np.ndarray, weights: Mapping[str, np.ndarray], dialect: Dialect, tape: Tape | None = None
    ) -> np.ndarray:
        """The output for pictures x (n, c, h, w), in their dtype, with arrays named as in :meth:`arrays`."""
        shape, filters = self.output_shape(x.shape[1:]), weights["weights"].astype(x.dtype, copy=False)
        seen, outside = x, 0.0
        if self.xnor:
            seen, filters, outside = _signs(x), _binary(filters), dialect.xnor_padding
        padded = pad(seen, self.padding, self.padding, outside)
        result = self._slide(padded, filters, shape)
        if self.normalized:
            result = normalize(result, weights, dialect, tape)
        else:
            result = result + per_channel(weights["biases"], result)
        if tape is not None:
            tape.x, tape.padded, tape.filters, tape.before_activation = x, padded, filters, result
        return activate(self.activation, result)

    def backward(self, gradient: np.ndarray, weights: Mapping[str, np.ndarray], tape: Tape) -> np.ndarray:
        """The gradient by x, from that by the output; those by arrays go to the tape, which is that of :meth:`run`.

        With ``xnor`` it passes where x lies between -1 and 1, and filters get the gradient of their binary forms.
        Source: Courbariaux et al. 2016, "Binarized neural networks".
        """
        gradient = activation_gradient(self.activation, tape.before_activation, gradient)
        if self.normalized:
            gradient = normalize_backward(gradient, weights, tape)
        else:
            tape.add("biases", channel_sums(gradient))
        by_padded, by_filters = self._slide_backward(gradient, tape.padded, tape.filters)
        tape.add("weights", by_filters)
        by_x = unpad(by_padded, self.padding, tape.x.shape[2:])
        return by_x * (np.abs(tape.x) < 1) if self.xnor else by_x

    def _slide(self, padded: np.ndarray, filters: np.ndarray, shape: Shape) -> np.ndarray:
        """Sum over the cells of the filter: at each, one matrix product of all filters with all pixels."""
        n, sides = len(padded), shape[1:]
        by_group = filters.reshape(self.groups, self.filters // self.groups, -1, self.size, self.size)
        result = np.zeros((n, *by_group.shape[:2], size_of(sides)), padded.dtype)
        for row, column in np.ndindex(self.size, self.size):
            cells = tap(padded, row * self.dilation, column * self.dilation, self.strides, sides)
            result += by_group[..., row, column] @ cells.reshape(n, self.groups, -1, size_of(sides))
        return result.reshape(n, *shape)

    def _slide_backward(
        self, gradient: np.ndarray, padded: np.ndarray, filters: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The gradients by the padded pictures and by the filters: at each cell of these two matrix products."""
        n, sides = len(padded), gradient.shape[2:]
        by_group = filters.reshape(self.groups, self.filters // self.groups, -1, self.size, self.size)
        by_output = gradient.reshape(n, *by_group.shape[:2], size_of(sides))
        by_padded, by_filters = np.zeros_like(padded), np.empty_like(by_group)
        for row, column in np.ndindex(self.size, self.size):
            place = row * self.dilation, column * self.dilation, self.strides, sides
            cells = tap(padded, *place).reshape(n, self.groups, -1, size_of(sides))
            by_filters[..., row, column] = (by_output @ cells.swapaxes(2, 3)).sum(axis=0)
            met = tap(by_padded, *place)
            met += (by_group[..., row, column].swapaxes(1, 2) @ by_output).reshape(met.shape)
        return by_padded, by_filters.reshape(filters.shape)


def _signs(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, 1, -1).astype(x.dtype)


def _binary(filters: np.ndarray) -> np.ndarray:
    """Signs times the mean size of the filter's weights. Source: Rastegari et al. 2016, XNOR-Net."""
    return _signs(filters) * np.abs(filters).mean(axis=(1, 2, 3), keepdims=True)
