"""What a saved state says and holds, to be compared with a training that goes on from it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from darknetpy.errors import DarknetpyWarning, TrainingError
from darknetpy.graph import Graph
from darknetpy.training.checkpoints import Folder
from darknetpy.training.dataset import Samples

NETWORK, TRAINING, CALLBACKS = "network.", "training.", "callbacks."
"""How the names of arrays in a state begin, by what they belong to."""


def digest(samples: Samples) -> str:
    """A short text that tells lists of pictures apart, by their names and classes, wherever their folder is."""
    found = hashlib.sha256()
    for path, classes in zip(samples.paths, samples.classes, strict=True):
        found.update(f"{Path(path).name}\0{classes}\n".encode("utf-8", "surrogateescape"))
    return found.hexdigest()


def named(start: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays under names that begin so."""
    return {f"{start}{name}": array for name, array in arrays.items()}


def under(start: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays whose names begin so, without that beginning."""
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}


def network_arrays(graph: Graph) -> dict[str, np.ndarray]:
    """All arrays of a network, those of the moment and no copies, by ``INDEX.NAME``."""
    return {f"{node.index}.{array.name}": node.weights[array.name] for node in graph.nodes for array in node.arrays}


def fill_network(graph: Graph, saved: Mapping[str, np.ndarray], path: Path) -> None:
    """Give a network the arrays that `network_arrays` found. TrainingError where they are of another one."""
    own = {f"{node.index}.{array.name}": (node, array) for node in graph.nodes for array in node.arrays}
    if {name: array.shape for name, array in saved.items()} != {name: a.shape for name, (_, a) in own.items()}:
        remedy = "Go on with the cfg that it began with, or begin anew"
        raise TrainingError("the saved training is of another network", "the same layers", remedy, path=path)
    for name, (node, array) in own.items():
        node.weights[array.name] = saved[name]


def another_batch(about: Mapping[str, Any], batch: int, folder: Folder) -> DarknetpyWarning | None:
    """What to say where a state is of a training with another number of pictures in an iteration."""
    iteration, pictures = about["training"]["iteration"], about["training"]["pictures"]
    if pictures // batch == iteration:
        return None
    found = f"the saved training has seen {pictures:,} pictures in {iteration:,} iterations"
    remedy = f"It goes on behind iteration {iteration:,} with another batch, and ends with other weights"
    return DarknetpyWarning(found, f"{batch} in each, as now", remedy, path=folder.state)


def check_continuation(about: Mapping[str, Any], facts: Mapping[str, Any], last: int, folder: Folder) -> None:
    """Raise TrainingError where a state is of other pictures or settings (``facts``), or lies behind the end."""
    path = folder.state
    for name, value in facts.items():
        if about["settings"][name] != value:
            what = f"another {name}" if name != "pictures" else "other training pictures"
            remedy = f"Go on with those, or begin anew from {folder.weights('last').name}"
            raise TrainingError(f"the saved training has {what}", "the same as now", remedy, path=path)
    iteration = about["training"]["iteration"]
    if iteration > last:
        found, remedy = f"the saved training is at iteration {iteration}", "Ask for more iterations"
        raise TrainingError(found, f"at most max_batches={last}", remedy, path=path)
