"""Draw a set of pictures to train a classifier with: ten shapes, in a folder for each, so that nothing is downloaded.

    python tools/make_shapes.py --out shapes
    darknetpy train shapes shapes

Shapes have any place, size, proportions, direction, colours and background; edges are smooth, and there is some noise.
The same seed gives the same pictures; each depends on the seed, its class and its number only, so a larger set begins
with the pictures of a smaller one. Needs NumPy and Pillow, which come with darknetpy.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

FINER = 4  # each pixel is the mean of so many by so many points
SMALLEST, LARGEST = 8, 1024  # pixels of a side
SMALLEST_CONTRAST = 110  # between the shape's colour and the background's, of at most 441
RADII = 0.26, 0.46  # of the circle around a shape, as parts of the picture's side
NARROWEST = 0.8  # of a shape's width to its height, before it is turned
MOST_NOISE = 12.0  # standard deviation, of 255
PARTS = ("train", "valid")

Inside = Callable[[np.ndarray, np.ndarray, float], np.ndarray]
"""Which points (x, y) lie in a shape of radius 1 around 0; a thickness from 0 to 1 for shapes that have one."""


def polygon(x: np.ndarray, y: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Which points lie inside a polygon: those whose ray to the right crosses its edges an odd number of times."""
    inside = np.zeros(x.shape, bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, 1, axis=0), strict=True):
        if y1 != y2:
            inside ^= ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return inside


def on_circle(count: int, *radii: float) -> np.ndarray:
    """Corners (count, 2) at equal angles from the top on, at these radii in turn."""
    angles = np.pi / 2 + 2 * np.pi * np.arange(count) / count
    return np.resize(radii, count)[:, np.newaxis] * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def arrow(x: np.ndarray, y: np.ndarray, thickness: float) -> np.ndarray:
    """A head and a shaft."""
    half = 0.16 + 0.12 * thickness
    return polygon(x, y, on_circle(3, 1.0) * (0.8, 0.8) + (0, 0.2)) | ((np.abs(x) < half) & (y > -1) & (y < 0))


def bars(x: np.ndarray, y: np.ndarray, thickness: float) -> np.ndarray:
    """Two parallel bars."""
    return (np.abs(x) < 0.8) & (np.abs(np.abs(y) - 0.42) < 0.14 + 0.1 * thickness)


def circle(x: np.ndarray, y: np.ndarray, thickness: float) -> np.ndarray:
    """A full disc."""
    return x * x + y * y < 0.9


def crescent(x: np.ndarray, y: np.ndarray, thickness: float) -> np.ndarray:
    """A disc without another one."""
    return (x * x + y * y < 1) & ((x - 0.45 - 0.2 * thickness) ** 2 + y * y > 0.72)


def cross(x: np.ndarray, y: np.ndarray, thickness: float) -> np.ndarray:
    """Two bars that cross each other."""
    across, along = np.minimum(np.abs(x), np.abs(y)), np.maximum(np.abs(x), np.abs(y))
    return (across < 0.16 + 0.16 * thickness) & (along < 0.95)


def heart(x: np.ndarray, y: np.ndarray, thickness: float) -> np.ndarray:
    """Two bows and a tip: (x^2 + y^2 - 1)^3 = x^2 y^3."""
    x, y = 1.25 * x, 1.25 * y + 0.1
    return (x * x + y * y - 1) ** 3 < x * x * y**3


def ring(x: np.ndarray, y: np.ndarray, thickness: float) -> np.ndarray:
    """A disc with a hole."""
    squared = x * x + y * y
    return (squared < 1) & (squared > (0.72 - 0.22 * thickness) ** 2)


def square(x: np.ndarray, y: np.ndarray, thickness: float) -> np.ndarray:
    """Four equal sides."""
    return np.maximum(np.abs(x), np.abs(y)) < 0.75


def star(x: np.ndarray, y: np.ndarray, thickness: float) -> np.ndarray:
    """Five points."""
    return polygon(x, y, on_circle(10, 1.0, 0.38 + 0.1 * thickness))


def triangle(x: np.ndarray, y: np.ndarray, thickness: float) -> np.ndarray:
    """Three equal sides."""
    return polygon(x, y, on_circle(3, 1.0))


SHAPES: tuple[Inside, ...] = (arrow, bars, circle, crescent, cross, heart, ring, square, star, triangle)
NAMES = tuple(shape.__name__ for shape in SHAPES)


class Pose(NamedTuple):
    """Where a shape lies: centre and radius as parts of the side, width to height, and the angle it is turned by."""

    across: float
    down: float
    radius: float
    narrowness: float
    radians: float


def draw(shape: int, size: int, random: np.random.Generator) -> np.ndarray:
    """A picture (size, size, 3) uint8 of one of the ``SHAPES``."""
    pose, thickness = draw_pose(random), random.random()
    covered = coverage(SHAPES[shape], size, pose, thickness)
    colours = draw_colours(random)
    background, filling = (gradient(size, colour, random) for colour in colours)
    picture = background + covered[..., np.newaxis] * (filling - background)
    picture += random.uniform(0, MOST_NOISE) * random.standard_normal(picture.shape)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def draw_pose(random: np.random.Generator) -> Pose:
    """A pose that leaves the whole shape in the picture."""
    radius = random.uniform(*RADII)
    across, down = random.uniform(radius, 1 - radius, 2)
    return Pose(across, down, radius, random.uniform(NARROWEST, 1), random.uniform(0, 2 * np.pi))


def draw_colours(random: np.random.Generator) -> np.ndarray:
    """Two colours (2, 3), 0 to 255, that can be told apart: of the background and of the shape."""
    while True:
        colours = random.uniform(0, 255, (2, 3))
        if np.linalg.norm(colours[0] - colours[1]) >= SMALLEST_CONTRAST:
            return colours


def gradient(size: int, colour: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """A surface (size, size, 3) of about one colour, lighter to one side."""
    angle, strength = random.uniform(0, 2 * np.pi), random.uniform(0, 30)
    along = np.linspace(-1, 1, size)
    light = np.cos(angle) * along + np.sin(angle) * along[:, np.newaxis]
    return colour + strength * light[..., np.newaxis]


def coverage(shape: Inside, size: int, pose: Pose, thickness: float) -> np.ndarray:
    """How much of each pixel a shape covers, (size, size), 0 to 1."""
    points = (np.arange(FINER * size) + 0.5) / (FINER * size)
    right, up = (points - pose.across) / pose.radius, (pose.down - points[:, np.newaxis]) / pose.radius
    cosine, sine = np.cos(pose.radians), np.sin(pose.radians)
    x, y = (cosine * right + sine * up) / pose.narrowness, cosine * up - sine * right
    return shape(x, y, thickness).reshape(size, FINER, size, FINER).mean(axis=(1, 3))


def write_set(folder: Path, counts: tuple[int, int], size: int, seed: int) -> None:
    """Write so many pictures of each class for training and for validation, as FOLDER/PART/CLASS/NUMBER.png."""
    for part, (name, count) in enumerate(zip(PARTS, counts, strict=True)):
        for shape, label in enumerate(NAMES):
            place = folder / name / label
            place.mkdir(parents=True)
            for number in range(count):
                picture = draw(shape, size, np.random.default_rng([seed, part, shape, number]))
                Image.fromarray(picture).save(place / f"{number:05}.png")


def main() -> int:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(
        description="Draw pictures of ten shapes, in a folder for each, to train a classifier with.",
        epilog=f"Classes: {', '.join(NAMES)}.",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="a new or an empty folder")
    parser.add_argument("--count", type=int, default=600, metavar="N", help="pictures of a class to learn from [600]")
    parser.add_argument("--validation", type=int, default=100, metavar="N", help="others for validation [100]")
    parser.add_argument("--size", type=int, default=32, metavar="N", help="pixels of a side [32]")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all that is random [0]")
    given = parser.parse_args()
    if given.count < 1 or given.validation < 1 or given.seed < 0:
        parser.error("--count and --validation are at least 1, --seed at least 0")
    if not SMALLEST <= given.size <= LARGEST:
        parser.error(f"--size is from {SMALLEST} to {LARGEST}")
    try:
        if given.out.exists() and any(given.out.iterdir()):
            parser.error(f"--out: {given.out} is not empty: name another folder, or delete it")
        write_set(given.out, (given.count, given.validation), given.size, given.seed)
    except OSError as problem:
        print(f"error: {given.out}: {problem.strerror}", file=sys.stderr)
        return 1
    classes = len(NAMES)
    print(f"{given.out}: {classes * given.count} pictures in train, {classes * given.validation} others in valid")
    return 0


if __name__ == "__main__":
    sys.exit(main())
