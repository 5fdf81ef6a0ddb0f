"""Finds the layer types: every module of this folder, no list to keep."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import darknetpy.layers
from darknetpy.layers.base import Layer

FOREIGN = dict.fromkeys(
    (
        *(f"implicit_{kind}{plane}" for kind in ("add", "mul", "cat") for plane in ("", "_2d")),
        *(f"{kind}_channels{plane}" for kind in ("shift", "control", "alternate", "select") for plane in ("", "_2d")),
        "route2", "route3", "route_lhalf", "deformableconvolutional", "dwt", "jde", "BatchNorm2d",
    ),
    "YOLOR (WongKinYiu/yolor, for PyTorch)",
)  # fmt: skip
"""Sections that are met in cfg files although Darknet has none of them, and the program that has.

Source: WongKinYiu/yolor models/models.py.
"""


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
