"""Tiny pictures of two classes, dark and light, and a network that needs a millisecond for an iteration."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

CFG = """[net]
batch=8
subdivisions=2
width=8
height=8
channels=3
learning_rate=0.05
momentum=0.9
decay=0.0005
policy=poly
power=2
max_batches={iterations}

[convolutional]
batch_normalize=1
filters=4
size=3
pad=1
activation=leaky

[maxpool]
size=2
stride=2

[convolutional]
filters=2
size=1
activation=linear

[avgpool]

[softmax]
"""
KINDS = ("dark", "light")


def draw(folder: Path, count: int, seed: int) -> None:
    """A folder for each class with so many pictures of 10 x 10 pixels."""
    chance = np.random.default_rng(seed)
    for number, kind in enumerate(KINDS):
        (folder / kind).mkdir(parents=True)
        for picture in range(count):
            pixels = chance.integers(0, 140, (10, 10, 3)) + 100 * number
            Image.fromarray(pixels.astype(np.uint8)).save(folder / kind / f"{picture}.png")


def draw_all(folder: Path, iterations: int) -> Path:
    """``net.cfg`` with so many iterations, and the folder ``pictures`` with the parts train and valid."""
    (folder / "net.cfg").write_text(CFG.format(iterations=iterations))
    draw(folder / "pictures" / "train", 20, seed=1)
    draw(folder / "pictures" / "valid", 6, seed=2)
    return folder
