"""Finds the layer types: every module of this folder, no list to keep."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import darknetpy.layers
from darknetpy.layers.base import Layer

LATER = {
    "deconvolutional": "transposed convolution", "deconv": "transposed convolution", "local": "unshared convolution",
    "reorg3d": "space to depth", "upsample": "upsampling", "sam": "spatial attention", "l2norm": "normalization",
    "logistic": "a loss", "rnn": "recurrent", "gru": "recurrent", "lstm": "recurrent", "crnn": "recurrent",
    "conv_lstm": "recurrent", "history": "recurrent", "implicit": "learned constants", "contrastive": "a loss",
    "iseg": "segmentation", "empty": "a placeholder", "silence": "a placeholder", "detection": "a detector's head",
    "region": "a detector's head", "yolo": "a detector's head", "Gaussian_yolo": "a detector's head",
}  # fmt: skip
"""Sections of Darknet that this version does not run yet, and what they are."""


@cache
def layer_types() -> dict[str, type[Layer]]:
    """Every section name and alias -> its layer class, in alphabetical order of the usual names."""
    found: dict[str, type[Layer]] = {}
    for module_info in sorted(pkgutil.iter_modules(darknetpy.layers.__path__), key=lambda info: info.name):
        if module_info.ispkg:
            continue
        module = importlib.import_module(f"{darknetpy.layers.__name__}.{module_info.name}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Layer) and value.__module__ == module.__name__:
                found.update(dict.fromkeys(value.names, value))
    return found
