"""Reading arguments as OpenCV's Python bindings do: sizes, scalars, rectangles."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from darknetpy.compat.opencv_errors import error

Size = Sequence[int]
Scalar = float | Sequence[float] | np.ndarray | None
Boxes = Sequence[Sequence[float]] | np.ndarray


def read_size(size: Size) -> tuple[int, int]:
    """(width, height); (0, 0) means the picture's own."""
    values = tuple(size) if isinstance(size, Sequence | np.ndarray) else ()
    if len(values) != 2 or not all(isinstance(value, Integral) for value in values):
        raise error(f"size={size!r}", "two whole numbers (width, height)")
    width, height = (int(value) for value in values)
    if (width, height) != (0, 0) and min(width, height) < 1:
        raise error(f"size={size!r}", "a width and a height above 0", "Write (0, 0) for the picture's own size")
    return width, height


def read_scalar(value: Scalar, name: str) -> tuple[float, float, float, float]:
    """Up to four numbers; the rest are 0. One number is the first of them."""
    if value is None:
        return (0.0, 0.0, 0.0, 0.0)
    numbers = [value] if isinstance(value, Real) else list(value)  # type: ignore[arg-type]  # a number or a sequence
    if len(numbers) > 4:
        raise error(f"{name} has {len(numbers)} numbers", "at most 4")
    try:
        values = [float(number) for number in numbers]
    except (TypeError, ValueError):
        raise error(f"{name}={value!r}", "numbers") from None
    return tuple(values + [0.0] * (4 - len(values)))  # type: ignore[return-value]  # filled up to four


def read_boxes(boxes: Boxes) -> np.ndarray:
    """Rectangles (left, top, width, height) as (n, 4) float64."""
    try:
        values = np.array([tuple(box) for box in boxes], np.float64)
    except (TypeError, ValueError):
        values = np.empty((1, 0))
    if len(values) == 0:
        return np.empty((0, 4))
    if values.ndim != 2 or values.shape[1] != 4:
        raise error("boxes of another form", "four numbers (left, top, width, height) each")
    return values


def read_scores(scores: Any, count: int) -> np.ndarray:
    """One number a box, (n,) float32."""
    try:
        values = np.array([float(score) for score in scores], np.float32)
    except (TypeError, ValueError):
        raise error("scores of another form", "one number a box") from None
    if len(values) != count:
        raise error(f"{count} boxes and {len(values)} scores", "one score a box")
    return values
