"""Random views of the pictures that a classifier is trained on, by the options of [net].

What is random is drawn by one generator, picture after picture, before any of it is computed: so views can be computed
in any number of threads and come out the same. Source: AlexeyAB/darknet src/data.c, load_image_augment_paths, and
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
from darknetpy.kernels.augmentation import change_colours, turn_and_cut

STANDARD_BLUR = 15  # pixels of the window with blur=1
BLURRED = 4  # one picture in so many
BYTE = 1 / 255


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

    @classmethod
    def of(cls, net: Options, width: int, height: int) -> Augmentation:
        """That of the options of [net], for an input of this size.

        Crops are ``min_crop`` to ``max_crop``, by default one to two times the width, in proportion to ``width`` here.
        """
        share = width / net.width
        return cls(
            width, height, round(net.min_crop * share), round(net.max_crop * share), net.angle, net.aspect,
            net.hue, net.saturation, net.exposure, net.flip, net.blur, float(net.gaussian_noise),
        )  # fmt: skip

    def draw(self, random: np.random.Generator) -> View:
        """A view. Always as many random numbers, whatever the options."""
        numbers = random.random(12)
        blur = (STANDARD_BLUR if self.blur == 1 else self.blur // 2 * 2 + 1) if self.blur else 0
        low, high = sorted((self.min_crop, self.max_crop))
        return View(
            aspect=_about_one(self.aspect, *numbers[:2]),
            short_side=max(1, low + int(numbers[2] * (high - low + 1))),
            radians=math.radians((2 * numbers[3] - 1) * self.angle),
            across=2 * numbers[4] - 1,
            down=2 * numbers[5] - 1,
            flip=bool(self.flip and numbers[6] < 0.5),
            hue=(2 * numbers[7] - 1) * self.hue,
            saturation=_about_one(self.saturation, *random.random(2)),
            exposure=_about_one(self.exposure, *random.random(2)),
            blur=blur if numbers[8] < 1 / BLURRED else 0,
            noise=min(self.noise, 127) * BYTE if numbers[9] < 0.5 else 0.0,
            seed=int(numbers[10] * 2**53),
        )

    def look(self, picture: np.ndarray, view: View) -> np.ndarray:
        """A picture (h, w, c) uint8 as the network sees it in this view, (c, height, width) float32 in 0..1."""
        size = max(self.width, self.height)
        out = np.empty((picture.shape[2], size, size), np.float32)
        h, w = picture.shape[:2]
        scale = view.short_side / max(1, int(min(h, w * view.aspect)))
        room = max(0.0, (w * scale / view.aspect - size) / 2), max(0.0, (h * scale - size) / 2)
        across, down = view.across * room[0], view.down * room[1]
        turn_and_cut(picture, BYTE, view.radians, scale, view.aspect, across, down, out)
        if view.flip:
            out = np.ascontiguousarray(out[:, :, ::-1])
        if view.hue or view.saturation != 1 or view.exposure != 1:
            change_colours(out, view.hue, view.saturation, view.exposure)
        if view.blur:
            out = blurred(out, view.blur)
        if view.noise:
            added = np.random.default_rng(view.seed).standard_normal(out.shape, np.float32)
            out = np.clip(out + np.float32(view.noise) * added, 0, 1)
        return out if self.width == self.height else resize(out, self.width, self.height)

    def look_straight(self, picture: np.ndarray) -> np.ndarray:
        """A picture without anything random: its middle, as Darknet validates."""
        return prepare(picture, self.width, self.height, "crop")


class Straight(Augmentation):
    """No augmentation: every view is the middle of the picture."""

    def look(self, picture: np.ndarray, view: View) -> np.ndarray:
        """The middle, (c, height, width) float32 in 0..1."""
        return self.look_straight(picture)


def _about_one(limit: float, size: float, side: float) -> float:
    """A factor between 1 and ``limit``, or as often its inverse."""
    factor = min(1, limit) + size * abs(limit - 1)
    return factor if side < 0.5 else 1 / factor


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
