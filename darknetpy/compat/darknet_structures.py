"""The structures of Darknet's ctypes module, as plain Python objects with the same names and fields.

Source: AlexeyAB/darknet darknet.py and include/darknet.h.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from darknetpy.errors import ImageError


@dataclass
class BOX:
    """Centre, width and height of a box."""

    x: float = 0.0
    y: float = 0.0
    w: float = 0.0
    h: float = 0.0


@dataclass
class DETECTION:
    """A box that the network found: ``prob`` (classes,) has the probability of each class, 0 below the threshold.

    ``best_class_idx`` is the most probable class, -1 where there is none; ``sort_class`` the one that suppression has
    sorted by last; ``uc`` (4,) the uncertainty of the box, where the network gives one.
    """

    bbox: BOX
    classes: int
    best_class_idx: int
    prob: np.ndarray
    mask: np.ndarray | None = None
    objectness: float = 0.0
    sort_class: int = -1
    uc: np.ndarray | None = None


@dataclass
class DETNUMPAIR:
    """The detections of one picture of a batch, and how many they are."""

    num: int
    dets: list[DETECTION]


@dataclass
class METADATA:
    """What a ``.data`` file says about classes: how many, and their names as bytes."""

    classes: int = 0
    names: list[bytes] = field(default_factory=list)


@dataclass
class IMAGE:
    """A picture as the network takes it: ``data`` has c planes of h rows of w values in 0..1, red first.

    ``data`` is a float32 array of any shape with that many values, or a ctypes pointer or array of floats. For a batch
    the pictures follow each other.
    """

    w: int
    h: int
    c: int
    data: Any

    def planes(self, count: int = 1) -> np.ndarray:
        """The values of ``count`` pictures, (count, c, h, w) float32, in the same memory where that is possible.

        Raises ImageError where there are not that many.
        """
        shape = (count, self.c, self.h, self.w)
        if isinstance(self.data, ctypes._Pointer):
            values = np.ctypeslib.as_array(self.data, shape)
        else:
            values = np.asarray(self.data, np.float32)
        if values.size != np.prod(shape):
            found = f"an image with {values.size} values"
            raise ImageError(found, f"{count} x {self.c} x {self.h} x {self.w}", "Make it with make_image")
        return values.reshape(shape)


def make_image(w: int, h: int, c: int) -> IMAGE:
    """A black picture of that size; ``copy_image_from_bytes`` fills it.

    >>> make_image(4, 2, 3).planes().shape
    (1, 3, 2, 4)
    """
    return IMAGE(w, h, c, np.zeros((c, h, w), np.float32))


def copy_image_from_bytes(im: IMAGE, pdata: bytes) -> None:
    """Fill a picture with the bytes of a (h, w, c) uint8 array, as ``array.tobytes()`` gives them.

    Raises ImageError where they are not w * h * c bytes.
    """
    values = np.frombuffer(pdata, np.uint8)
    if values.size != im.w * im.h * im.c:
        found = f"{values.size} bytes for an image of {im.w}x{im.h} with {im.c} channels"
        raise ImageError(found, f"{im.w * im.h * im.c}", "Resize the picture to the size of the image first")
    pixels = values.reshape(im.h, im.w, im.c).transpose(2, 0, 1)
    im.planes()[0] = pixels / np.float32(255)


def rgbgr_image(im: IMAGE) -> None:
    """Exchange red and blue, in place."""
    planes = im.planes()[0]
    planes[[0, 2]] = planes[[2, 0]]


def free_image(im: IMAGE) -> None:
    """Nothing: Python lets go of pictures by itself."""
