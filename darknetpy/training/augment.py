"""Random views of the pictures that a classifier is trained on, by the options of [net].

What is random is drawn by one generator before any of it is computed: so views can be computed in any number of threads
and come out the same. Source: AlexeyAB/darknet src/data.c, load_image_augment_paths, and
src/image.c, random_augment_image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from darknetpy.config.options import Options
from darknetpy.images.preprocess import prepare
from darknetpy.images.resize import resize
from darknetpy.kernels.augmentation import look_at

STANDARD_BLUR = 15  # pixels of the window with blur=1
BLURRED = 4  # one picture in so many
BYTE = 1 / 255
NUMBERS = 15  # random ones that a view takes


class View(NamedTuple):
    """How one picture is looked at.

    aspect: width to height of what becomes a square; short_side: pixels that the picture's shorter side becomes;
    radians: it is turned by; across, down: where the cut lies, from -1 to 1 of the room there is; flip: mirrored; hue,
    saturation, exposure: see `change_colours`; blur: pixels of the window, 0 for none; noise: standard deviation, as a
    part of the largest value; seed: of the noise.
    """

    aspect: float
    short_side: int
    radians: float
    across: float
    down: float
    flip: bool
    hue: float
    saturation: float
    exposure: float
    blur: int
    noise: float
    seed: int


@dataclass(frozen=True)
class Augmentation:
    """What views may be like, and the size of the network's input."""

    width: int
    height: int
    min_crop: int
    max_crop: int
    angle: float = 0.0
    aspect: float = 1.0
    hue: float = 0.0
    saturation: float = 1.0
    exposure: float = 1.0
    flip: bool = True
    blur: int = 0
    noise: float = 0.0
    center: bool = False

    @classmethod
    def of(cls, net: Options, width: int, height: int) -> Augmentation:
        """That of the options of [net], for an input of this size.

        Crops are ``min_crop`` to ``max_crop``, by default one to two times the width, in proportion to ``width`` here,
        or where they are given ``min_ratio`` and ``max_ratio`` of it. With ``center`` they are the largest square in
        the middle. Source of both: pjreddie/darknet examples/classifier.c and src/data.c (load_data_augment).
        """
        low, high = (_crop(net, end, width) for end in ("min", "max"))
        angle, aspect = net.angle, net.aspect
        if net.center:
            low = high = max(width, height)
            angle, aspect = 0.0, 1.0
        return cls(
            width, height, low, high, angle, aspect, net.hue, net.saturation, net.exposure, net.flip, net.blur,
            float(net.gaussian_noise), net.center,
        )  # fmt: skip

    def draw(self, random: np.random.Generator, count: int) -> list[View]:
        """So many views. A view takes always as many random numbers, whatever the options."""
        numbers = random.random((NUMBERS, count))
        window = (STANDARD_BLUR if self.blur == 1 else self.blur // 2 * 2 + 1) if self.blur else 0
        low, high = sorted((self.min_crop, self.max_crop))
        drawn = {
            "aspect": _about_one(self.aspect, *numbers[:2]),
            "short_side": np.maximum(1, low + (numbers[2] * (high - low + 1)).astype(np.int64)),
            "radians": math.radians(self.angle) * (2 * numbers[3] - 1),
            "across": np.zeros(count) if self.center else 2 * numbers[4] - 1,
            "down": np.zeros(count) if self.center else 2 * numbers[5] - 1,
            "flip": (numbers[6] < 0.5) & self.flip,
            "hue": (2 * numbers[7] - 1) * self.hue,
            "saturation": _about_one(self.saturation, *numbers[8:10]),
            "exposure": _about_one(self.exposure, *numbers[10:12]),
            "blur": np.where(numbers[12] < 1 / BLURRED, window, 0),
            "noise": np.where(numbers[13] < 0.5, min(self.noise, 127) * BYTE, 0.0),
            "seed": (numbers[14] * 2**53).astype(np.int64),
        }
        columns = [drawn[name].tolist() for name in View._fields]
        return [View(*one) for one in zip(*columns, strict=True)]

    def look(self, picture: np.ndarray, view: View, out: np.ndarray) -> None:
        """Write a picture (h, w, c) uint8, as the network sees it in this view, to out (c, height, width) float32."""
        size = max(self.width, self.height)
        square = out if self.width == self.height else np.empty((len(out), size, size), np.float32)
        h, w = picture.shape[:2]
        scale = view.short_side / max(1, int(min(h, w * view.aspect)))
        room = max(0.0, (w * scale / view.aspect - size) / 2), max(0.0, (h * scale - size) / 2)
        look_at(
            picture, BYTE, view.radians, scale, view.aspect, view.across * room[0], view.down * room[1], view.flip,
            view.hue, view.saturation, view.exposure, square,
        )  # fmt: skip
        if view.blur:
            square[...] = blurred(square, view.blur)
        if view.noise:
            numbers = np.random.default_rng(view.seed).standard_normal(square.shape, np.float32)
            square += np.float32(view.noise) * numbers
            np.clip(square, 0, 1, out=square)
        if square is not out:
            out[...] = resize(square, self.width, self.height)


class Straight(Augmentation):
    """No augmentation: every view is the middle of the picture, as Darknet validates."""

    def look(self, picture: np.ndarray, view: View, out: np.ndarray) -> None:
        """The middle, written to out (c, height, width) float32 in 0..1."""
        prepare(picture, self.width, self.height, "crop", out)


def _crop(net: Options, end: str, width: int) -> int:
    """The shorter side of the smallest, or of the largest picture that is cut."""
    ratio = net[f"{end}_ratio"] if f"{end}_ratio" in net.given else net[f"{end}_crop"] / net.width
    return round(ratio * width)


def _about_one(limit: float, size: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Factors between 1 and ``limit``, or as often their inverses."""
    factors = min(1, limit) + size * abs(limit - 1)
    return np.where(side < 0.5, factors, 1 / factors)


def blurred(planes: np.ndarray, window: int) -> np.ndarray:
    """Planes (c, h, w) float32 under a Gaussian window of so many pixels; the border is mirrored.

    The deviation is that which OpenCV takes for a window: 0.3 ((window - 1) / 2 - 1) + 0.8.
    """
    reach = min(window // 2, planes.shape[1] - 1, planes.shape[2] - 1)
    deviation = 0.3 * ((window - 1) / 2 - 1) + 0.8
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * deviation**2))
    weights = (weights / weights.sum()).astype(np.float32)
    for axis in (1, 2):
        sides = [(reach, reach) if number == axis else (0, 0) for number in range(3)]
        padded = np.pad(planes, sides, mode="reflect")
        length = planes.shape[axis]
        planes = np.zeros_like(planes)
        for place, weight in enumerate(weights):
            planes += weight * padded.take(range(place, place + length), axis=axis)
    return planes
