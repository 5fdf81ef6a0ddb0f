"""Drawn pictures of two classes, discs and squares, and a small network that can tell them apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

CFG = """[net]
batch=32
subdivisions=2
width=16
height=16
channels=3
learning_rate=0.05
momentum=0.9
decay=0.0005
max_batches=300
policy=poly
power=2
max_crop=20
hue=0.1
saturation=1.3
exposure=1.3

[convolutional]
batch_normalize=1
filters=8
size=3
pad=1
activation=leaky

[maxpool]
size=2
stride=2

[convolutional]
batch_normalize=1
filters=16
size=3
pad=1
activation=leaky

[maxpool]
size=2
stride=2

[convolutional]
batch_normalize=1
filters=16
size=3
pad=1
activation=leaky

[dropout]
probability=0.1

[convolutional]
filters=2
size=1
activation=linear

[avgpool]

[softmax]
"""
KINDS = ("disc", "square")


def draw(folder: Path, count: int, seed: int) -> None:
    """A folder for each class with so many pictures of 24 x 24 pixels; size, place and colours are random."""
    random = np.random.default_rng(seed)
    for kind in KINDS:
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            picture = Image.new("RGB", (24, 24), tuple(random.integers(0, 90, 3).tolist()))
            radius = int(random.integers(5, 9))
            x, y = random.integers(radius + 1, 23 - radius, 2).tolist()
            pen = ImageDraw.Draw(picture)
            shape = pen.ellipse if kind == "disc" else pen.rectangle
            shape((x - radius, y - radius, x + radius, y + radius), fill=tuple(random.integers(140, 256, 3).tolist()))
            picture.save(folder / kind / f"{number}.png")


def draw_all(folder: Path, count: int = 100) -> Path:
    """``net.cfg`` and the folder ``shapes`` with the parts train and valid."""
    (folder / "net.cfg").write_text(CFG)
    draw(folder / "shapes" / "train", count, seed=1)
    draw(folder / "shapes" / "valid", count // 2, seed=2)
    return folder
