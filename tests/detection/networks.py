"""Small detectors for the tests, made of cfg text alone."""

from __future__ import annotations

import numpy as np

from darknetpy.config.sections import parse_cfg
from darknetpy.network import Network, load

NET = "[net]\nwidth=64\nheight=32\nchannels=3\n"
FIRST = """
[convolutional]
filters=6
size=8
stride=8
activation=leaky

[convolutional]
filters={filters}
size=1
activation=linear

[yolo]
classes={classes}
num=4
mask=0,1
anchors=8,8, 16,10, 20,20, 40,30
{options}
"""
SECOND = """
[route]
layers=0

[convolutional]
filters={filters}
size=2
stride=2
activation=linear

[yolo]
classes={classes}
num=4
mask=2,3
anchors=8,8, 16,10, 20,20, 40,30
{options}
"""


def two_heads(first: int = 3, second: int = 3, options: str = "", net: str = "") -> str:
    """The cfg of a detector with two heads (layers 2 and 5) of that many classes."""
    parts = zip((FIRST, SECOND), (first, second), strict=True)
    return (
        NET
        + net
        + "".join(part.format(filters=2 * (5 + classes), classes=classes, options=options) for part, classes in parts)
    )


def detector(text: str | None = None, **options: object) -> Network:
    """A detector with initial weights: unsure of everything, it finds a crowd in any picture."""
    return load(parse_cfg(two_heads() if text is None else text), **options)  # type: ignore[arg-type]


def picture(width: int = 100, height: int = 80, seed: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
