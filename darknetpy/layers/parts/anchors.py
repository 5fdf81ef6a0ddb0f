"""Anchors: the sizes that the boxes of a detector's head are measured in."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from darknetpy.config.options import Kind, Option
from darknetpy.errors import DarknetpyWarning
from darknetpy.layers.base import Layer

MISSING = 0.5
"""Width and height of anchors that num= counts and anchors= does not give.

Source: AlexeyAB/darknet src/yolo_layer.c, make_yolo_layer.
"""
NUM = Option("num", 1, "number of anchors in anchors=", minimum=1)


def anchors_option(default: object, unit: str) -> Option:
    """The ``anchors=`` option of a head that measures boxes in this unit."""
    meaning = f"width and height of each anchor, in {unit}"
    return Option("anchors", default, meaning, Kind.NUMBERS, minimum=0, open_bounds=True)


def anchor_sizes(layer: Layer, count: int | None = None) -> np.ndarray:
    """Width and height of the first ``count`` anchors, (count, 2) float32; by default of all ``num``."""
    sizes = np.full(2 * (layer.options.num if count is None else count), MISSING, np.float32)
    given = layer.options.anchors[: sizes.size]
    sizes[: len(given)] = given
    return sizes.reshape(-1, 2)


def anchor_warnings(layer: Layer, surplus: str) -> Iterator[DarknetpyWarning]:
    """A warning where there are more or fewer anchors than ``num``; ``surplus`` says what becomes of too many."""
    count, num = len(layer.options.anchors), layer.options.num
    if count == 2 * num:
        return
    found = f"{count} numbers in anchors=" if count else "no anchors="
    remedy = surplus if count > 2 * num else f"As in Darknet, those that are missing are {MISSING}"
    yield DarknetpyWarning(found, f"2 * num = {2 * num}", remedy, **layer.section.at("anchors"))
