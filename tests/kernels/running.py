"""Operations run from Python, on arrays in channel-blocked form made by NumPy."""

from __future__ import annotations

import ctypes

import numpy as np

from darknetpy.kernels.operations import Operation

LANES = 16
Field = np.ndarray | float


def run(operation: Operation, numbers: int, /, *, scratch_bytes: int = 0, **fields: Field) -> None:
    """Run the chunks of these numbers, from 0 on, last first. Arrays fill fields with their addresses."""
    record = np.zeros(1, operation.record)
    for name, value in fields.items():
        record[name] = value.ctypes.data if isinstance(value, np.ndarray) else value
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * 3)(operation.address)
    scratch = np.empty(scratch_bytes + 1, np.uint8)
    for chunk in reversed(range(numbers)):
        function(record.ctypes.data, chunk, scratch.ctypes.data)


def strides(name: str, array: np.ndarray) -> dict[str, Field]:
    """The fields of a blocked array (n, blocks, pixels, 16) or of a planar one (n, c, pixels)."""
    image, plane = array.strides[:2]
    return {name: array, f"{name}_image": image, f"{name}_plane": plane}


def block(x: np.ndarray) -> np.ndarray:
    """Planar (n, c, h, w) to blocked (n, blocks, h * w, 16), float32; lanes without a channel are 0."""
    n, c, h, w = x.shape
    blocks = -(-c // LANES)
    padded = np.zeros((n, blocks * LANES, h * w), np.float32)
    padded[:, :c] = x.reshape(n, c, h * w)
    return np.ascontiguousarray(padded.reshape(n, blocks, LANES, h * w).transpose(0, 1, 3, 2))


def unblock(x: np.ndarray, channels: int, height: int, width: int) -> np.ndarray:
    """Blocked to planar (n, channels, height, width)."""
    n = len(x)
    return x.transpose(0, 1, 3, 2).reshape(n, -1, height, width)[:, :channels]
