"""darknetpy reads, runs and explains Darknet networks (.cfg and .weights) on any CPU.

>>> import darknetpy
>>> net = darknetpy.load("mnist", "mnist")
>>> net.classify("examples/digit-7.png", top=1)[0].label  # doctest: +SKIP
'7'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from darknetpy.classification import Classification
    from darknetpy.config.sections import Cfg, Section, read_cfg
    from darknetpy.detection.detections import Detections
    from darknetpy.errors import (
        ConfigError,
        DarknetpyError,
        DarknetpyWarning,
        DataError,
        ImageError,
        TrainingError,
        WeightsError,
    )
    from darknetpy.evaluation.classifier import validate
    from darknetpy.network import Network, load
    from darknetpy.training.dataset import read_dataset
    from darknetpy.training.early_stopping import EarlyStopping
    from darknetpy.training.train import train
    from darknetpy.training.trainer import Trainer

__version__ = "0.1.0"

__all__ = [
    "Cfg",
    "Classification",
    "ConfigError",
    "DarknetpyError",
    "DarknetpyWarning",
    "DataError",
    "Detections",
    "EarlyStopping",
    "ImageError",
    "Network",
    "Section",
    "Trainer",
    "TrainingError",
    "WeightsError",
    "__version__",
    "load",
    "read_cfg",
    "read_dataset",
    "train",
    "validate",
]

_HOMES = {
    "darknetpy.classification": ("Classification",),
    "darknetpy.config.sections": ("Cfg", "Section", "read_cfg"),
    "darknetpy.detection.detections": ("Detections",),
    "darknetpy.errors": (
        "ConfigError",
        "DarknetpyError",
        "DarknetpyWarning",
        "DataError",
        "ImageError",
        "TrainingError",
        "WeightsError",
    ),
    "darknetpy.evaluation.classifier": ("validate",),
    "darknetpy.network": ("Network", "load"),
    "darknetpy.training.dataset": ("read_dataset",),
    "darknetpy.training.early_stopping": ("EarlyStopping",),
    "darknetpy.training.train": ("train",),
    "darknetpy.training.trainer": ("Trainer",),
}


def __getattr__(name: str) -> Any:
    """Public names are imported when first used, so that ``import darknetpy`` itself costs next to nothing."""
    for module, names in _HOMES.items():
        if name in names:
            import importlib

            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
