"""A small detector with its files, and a picture that it finds something in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from darknetpy.config.sections import parse_cfg
from darknetpy.network import load

CFG = """[net]
width=32
height=24
channels=3

[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky

[convolutional]
filters=16
size=3
stride=4
pad=1
activation=leaky

[convolutional]
filters=16
size=1
activation=linear

[yolo]
mask=0,1
anchors=8,6, 14,12
classes=3
num=2
"""
NAMES = ["cat", "dog", "zebra crossing"]
NETWORK = 32, 24  # pixels
PICTURE = 96, 80
AROUND = {"weights": (0, 0.35), "biases": (0, 1), "scales": (1, 0.2), "rolling_mean": (0, 0.5),
          "rolling_variance": (1, 0.2)}  # fmt: skip
"""Middle and spread of the values of each array: some answers are strong then, and most are weak."""


def make_files(folder: Path) -> Path:
    """small.cfg, small.weights (random ones), small.names, small.data and photo.png in a folder."""
    (folder / "small.cfg").write_text(CFG)
    (folder / "small.names").write_text("\n".join(NAMES) + "\n")
    (folder / "small.data").write_text("classes = 3\nnames = small.names\nbackup = backup/\n")
    network, random = load(parse_cfg(CFG)), np.random.default_rng(5)
    for node in network.layers:
        for array in node.arrays:
            middle, spread = AROUND[array.name]
            node.weights[array.name][:] = random.uniform(middle - spread, middle + spread, array.shape)
    network.save_weights(folder / "small.weights")
    pixels = np.random.default_rng(1).integers(0, 256, (PICTURE[1] // 8, PICTURE[0] // 8, 3), np.uint8)
    Image.fromarray(np.kron(pixels, np.ones((8, 8, 1), np.uint8))).save(folder / "photo.png")
    return folder
