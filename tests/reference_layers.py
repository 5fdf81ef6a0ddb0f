"""Formulas of more layers as naive loops in float64; `tests.reference` has the others and says more."""

from __future__ import annotations

import math

import numpy as np

from tests.reference import inside, places


def deconvolve(x: np.ndarray, weights: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """Each value of x (n, c, h, w) spreads its filters, weights (c, filters, size, size), over the output."""
    n, c, h, w = x.shape
    _, filters, size, _ = weights.shape
    result = np.zeros((n, filters, (h - 1) * stride + size - 2 * padding, (w - 1) * stride + size - 2 * padding))
    for image, channel, y, z, f, i, j in places((n, c, h, w, filters, size, size)):
        row, column = y * stride - padding + i, z * stride - padding + j
        if inside(result, row, column):
            result[image, f, row, column] += float(weights[channel, f, i, j]) * x[image, channel, y, z]
    return result


def connect_locally(x: np.ndarray, weights: np.ndarray, biases: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """A convolution with weights (places, filters, c, size, size) and biases (filters, height, width) of each place.

    Both are taken as the flat values of a weights file.
    """
    n, c, h, w = x.shape
    filters, size = weights.shape[1], weights.shape[-1]
    height, width = (h + 2 * padding - size) // stride + 1, (w + 2 * padding - size) // stride + 1
    flat, flat_biases = weights.ravel(), biases.ravel()
    result = np.zeros((n, filters, height, width))
    for image, f, y, z in places(result.shape):
        total = float(flat_biases[(f * height + y) * width + z])
        for d, i, j in places((c, size, size)):
            row, column = y * stride - padding + i, z * stride - padding + j
            if inside(x, row, column):
                number = (((y * width + z) * filters + f) * c + d) * size * size + i * size + j
                total += float(flat[number]) * x[image, d, row, column]
        result[image, f, y, z] = total
    return result


def space_to_depth(x: np.ndarray, stride: int) -> np.ndarray:
    """Pixel (row, column) of each square becomes the channels from (row * stride + column) * c on."""
    n, c, h, w = x.shape
    result = np.zeros((n, c * stride * stride, h // stride, w // stride))
    for image, k, y, z in places(x.shape):
        offset = y % stride * stride + z % stride
        result[image, offset * c + k, y // stride, z // stride] = x[image, k, y, z]
    return result


def upsample(x: np.ndarray, stride: int, scale: float) -> np.ndarray:
    n, c, h, w = x.shape
    result = np.zeros((n, c, h * stride, w * stride))
    for image, k, y, z in places(result.shape):
        result[image, k, y, z] = scale * x[image, k, y // stride, z // stride]
    return result


def downsample(x: np.ndarray, stride: int, scale: float) -> np.ndarray:
    """``scale`` times the sum of each square of ``stride`` (above 0)."""
    n, c, h, w = x.shape
    result = np.zeros((n, c, h // stride, w // stride))
    for image, k, y, z in places(x.shape):
        result[image, k, y // stride, z // stride] += scale * x[image, k, y, z]
    return result


def unit_length(x: np.ndarray) -> np.ndarray:
    """Each pixel of x (n, c, ...), unless it is zero, divided by its length over the channels."""
    result = np.zeros(x.shape)
    for image, *pixel in places((x.shape[0], *x.shape[2:])):
        across = (image, slice(None), *pixel)
        length = math.sqrt(sum(float(value) ** 2 for value in x[across]))
        result[across] = [float(value) / length for value in x[across]] if length else 0
    return result
