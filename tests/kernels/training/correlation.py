"""Convolutions and their gradients in float64, tap by tap, and their geometry; for tests of kernels of training."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Shape(NamedTuple):
    """A convolution of pictures (channels, height, width)."""

    channels: int
    height: int
    width: int
    filters: int
    size: int = 3
    stride_y: int = 1
    stride_x: int = 1
    dilation: int = 1
    padding: int = 1
    form: int = 0

    @property
    def reach(self) -> int:
        """Rows, or columns, from the first that a filter reads to the last."""
        return (self.size - 1) * self.dilation + 1

    @property
    def out_height(self) -> int:
        return (self.height + 2 * self.padding - self.reach) // self.stride_y + 1

    @property
    def out_width(self) -> int:
        return (self.width + 2 * self.padding - self.reach) // self.stride_x + 1

    @property
    def taps(self) -> int:
        return self.size**2

    @property
    def fields(self) -> dict[str, int]:
        """What all records call it."""
        return {
            "size": self.size, "stride_x": self.stride_x, "stride_y": self.stride_y, "dilation": self.dilation,
            "padding": self.padding,
        }  # fmt: skip

    def windows(self, x: np.ndarray) -> np.ndarray:
        """What each tap sees: (n, channels, h, w) to (n, channels, taps, out_height, out_width), float64."""
        frame = ((0, 0), (0, 0), (self.padding, self.padding), (self.padding, self.padding))
        framed = np.pad(x.astype(np.float64), frame)
        return np.stack([framed[:, :, *self._places(tap)] for tap in range(self.taps)], axis=2)

    def _places(self, tap: int) -> tuple[slice, slice]:
        """The rows and columns of a picture with a frame that a tap reads."""
        row, column = (number * self.dilation for number in divmod(tap, self.size))
        rows = slice(row, row + (self.out_height - 1) * self.stride_y + 1, self.stride_y)
        return rows, slice(column, column + (self.out_width - 1) * self.stride_x + 1, self.stride_x)

    def convolve(self, x: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """With weights (filters, channels, taps)."""
        return np.einsum("nctyx,fct->nfyx", self.windows(x), weights.astype(np.float64))

    def by_filters(self, x: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """(filters, channels, taps), from the gradient by the output."""
        return np.einsum("nctyx,nfyx->fct", self.windows(x), gradient.astype(np.float64))

    def by_input(self, gradient: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(n, channels, h, w), from the gradient by the output."""
        high, wide = self.height + 2 * self.padding, self.width + 2 * self.padding
        framed = np.zeros((len(gradient), self.channels, high, wide))
        shares = np.einsum("nfyx,fct->nctyx", gradient.astype(np.float64), weights.astype(np.float64))
        for tap in range(self.taps):
            framed[:, :, *self._places(tap)] += shares[:, :, tap]
        inner = slice(self.padding, self.padding + self.height), slice(self.padding, self.padding + self.width)
        return framed[:, :, *inner]


def planar(x: np.ndarray, channels: int, height: int, width: int) -> np.ndarray:
    """Blocked (n, blocks, pixels, 16) to (n, channels, height, width)."""
    n, blocks, _, lanes = x.shape
    return x.transpose(0, 1, 3, 2).reshape(n, blocks * lanes, height, width)[:, :channels]
