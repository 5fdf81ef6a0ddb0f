"""A convolution as a part: [convolutional] has one, recurrent layers have several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from darknetpy.dialect import Dialect
from darknetpy.kernels.activations import activate
from darknetpy.layers.base import Array, Shape, size_of
from darknetpy.layers.parts.batch_normalization import batch_norm_arrays, normalize, per_channel
from darknetpy.layers.parts.windows import pad, padded_size, steps, tap

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

    def run(self, x: np.ndarray, weights: Mapping[str, np.ndarray], dialect: Dialect) -> np.ndarray:
        """The output for pictures x (n, c, h, w), in their dtype, with arrays named as in :meth:`arrays`."""
        shape, filters = self.output_shape(x.shape[1:]), weights["weights"].astype(x.dtype, copy=False)
        outside = 0.0
        if self.xnor:
            x, filters, outside = _signs(x), _binary(filters), dialect.xnor_padding
        result = self._slide(pad(x, self.padding, self.padding, outside), filters, shape)
        if self.normalized:
            result = normalize(result, weights, dialect)
        else:
            result = result + per_channel(weights["biases"], result)
        return activate(self.activation, result)

    def _slide(self, padded: np.ndarray, filters: np.ndarray, shape: Shape) -> np.ndarray:
        """Sum over the cells of the filter: at each, one matrix product of all filters with all pixels."""
        n, sides = len(padded), shape[1:]
        by_group = filters.reshape(self.groups, self.filters // self.groups, -1, self.size, self.size)
        result = np.zeros((n, *by_group.shape[:2], size_of(sides)), padded.dtype)
        for row, column in np.ndindex(self.size, self.size):
            cells = tap(padded, row * self.dilation, column * self.dilation, self.strides, sides)
            result += by_group[..., row, column] @ cells.reshape(n, self.groups, -1, size_of(sides))
        return result.reshape(n, *shape)


def _signs(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, 1, -1).astype(x.dtype)


def _binary(filters: np.ndarray) -> np.ndarray:
    """Signs times the mean size of the filter's weights. Source: Rastegari et al. 2016, XNOR-Net."""
    return _signs(filters) * np.abs(filters).mean(axis=(1, 2, 3), keepdims=True)
