"""What happens before the first iteration of the training of a classifier: checks, truths, weights to begin with."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path

import numpy as np

from darknetpy.config.file_kinds import SNIFFED
from darknetpy.errors import DarknetpyWarning, DataError, Findings, TrainingError
from darknetpy.graph import Graph
from darknetpy.images.channels import require_known_channels
from darknetpy.layers.base import size_of
from darknetpy.training.checks import check_trainable
from darknetpy.training.dataset import Dataset, Samples
from darknetpy.training.optimizers import Optimizer
from darknetpy.training.truths import smoothed
from darknetpy.training.updates import optimizer_of
from darknetpy.weights.header import LONG, VERSION_BYTES, forks_disagree, header_size, parse_version
from darknetpy.weights.layout import VALUE_BYTES, layout
from darknetpy.weights.reader import LoadReport, read_weights

FEW_CLASSES = 10  # whose pictures are counted one by one in a message
_NOT_FOLLOWED = ("center", "random", "notruth", "track", "min_ratio", "max_ratio")
"""Options of [net] that change the training of a classifier in a C program, and do not here."""
_COPIES_OF_OUTPUTS = 4  # a layer keeps its values before and after normalization and curve; their gradient comes


def check_classifier(graph: Graph, dataset: Dataset, findings: Findings) -> Samples:
    """The training pictures, if this network can be trained with them.

    Args:
        graph: made with ``training=True``.
        findings: receives warnings of options that have no effect, and of classes without pictures.

    Raises:
        ConfigError or TrainingError: the network cannot be trained, or is no classifier of pictures. DataError: there
            are no training pictures, or their classes are not as many as the network's.
    """
    _require_classifier(graph)
    check_trainable(graph, findings)
    samples, names, path = dataset.training, dataset.names, graph.cfg.path
    if dataset.data is not None:
        dataset.data.require_classes(graph.classes, path, findings)
    data_path = dataset.data.path if dataset.data is not None else None
    if len(names) != graph.classes:
        expected = f"the {graph.classes} of the network"
        remedy = f"Let the last layer with weights have {len(names)} outputs, or filters with [avgpool] behind it"
        raise DataError(f"pictures of {len(names)} classes", expected, remedy, path=data_path)
    if samples is None or not len(samples):
        raise DataError("no training pictures", "train = FILE in the .data file", path=data_path)
    for name in _NOT_FOLLOWED:
        if name in graph.net.given and graph.net[name]:
            place = graph.cfg.net.at(name)
            findings.warning(DarknetpyWarning(f"{name}= has no effect on the training yet", "", "", **place))
    missing = [name for name, count in zip(names, samples.counts(len(names)), strict=True) if not count]
    if missing:
        found = f"no training picture of {', '.join(missing[:FEW_CLASSES])}{', ...' if missing[FEW_CLASSES:] else ''}"
        findings.warning(DarknetpyWarning(found, "some of each class", "They cannot be learnt", path=data_path))
    return samples


def _require_classifier(graph: Graph) -> None:
    path, expected = graph.cfg.path, "a classifier of pictures"
    if graph.heads:
        raise TrainingError("this network is a detector", expected, "Detectors cannot be trained yet", path=path)
    if graph.tree is not None:
        remedy = "Networks with a tree cannot be trained yet"
        raise TrainingError("the classes of this network are a tree", expected, remedy, path=path)
    if len(graph.input_shape) != 3 or graph.net.time_steps > 1:
        found = "the network takes sequences" if graph.net.time_steps > 1 else "the network takes no pictures"
        raise TrainingError(found, expected, "Others are trained from Python, by darknetpy.training.step", path=path)
    require_known_channels(graph.input_shape[0])


def truths_of(samples: Samples, graph: Graph) -> np.ndarray:
    """(n, classes) float32: what the network should answer, smoothed as ``label_smooth_eps`` of [net] says."""
    return smoothed(samples.truths(graph.classes), graph.net.label_smooth_eps)


def counts_text(samples: Samples, names: tuple[str, ...]) -> str:
    """How many pictures there are of each class, or for many classes of the rarest and of the most frequent.

    >>> counts_text(Samples(("a.png", "b.png", "c.png"), ((0,), (1,), (1,))), ("cat", "dog"))
    '3 pictures in 2 classes: 1 cat, 2 dog'
    """
    counts = samples.counts(len(names)).tolist()
    if len(names) <= FEW_CLASSES:
        each = ", ".join(f"{count} {name}" for count, name in zip(counts, names, strict=True))
    else:
        each = f"{min(counts)} to {max(counts)} of each"
    return f"{len(samples)} pictures in {len(names)} classes: {each}"


def read_what_fits(path: str | os.PathLike[str], graph: Graph, *, seed: int, findings: Findings) -> LoadReport:
    """Fill a network from a weights file that may end behind any of its layers; the rest gets initial weights.

    Raises WeightsError as :func:`~darknetpy.weights.reader.read_weights` for one that ends elsewhere.
    """
    return read_weights(path, graph, upto=_layers_in(Path(path), graph), findings=findings, seed=seed)


def _layers_in(path: Path, graph: Graph) -> int | None:
    """How many layers a file ends behind; None where that is none or the last, or cannot be known."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(SNIFFED)
    except (OSError, ValueError):
        return None  # reading it says what is wrong
    if len(head) < VERSION_BYTES:
        return None
    version = parse_version(head)
    headers = {header_size(version), *([LONG] if forks_disagree(version) else [])}
    slots = layout(graph)
    for slot, following in pairwise(slots):
        whole_layer = following.node is not slot.node
        if whole_layer and size - VALUE_BYTES * slot.end in headers:
            return slot.node.index + 1
    return None


def memory_estimate(graph: Graph, optimizer: Optimizer | None = None) -> int:
    """About how many bytes an iteration needs, decoded pictures that are kept for the next epoch not counted."""
    memories = len((optimizer or optimizer_of(graph.net)).memories)
    of_arrays = graph.parameters * (3 + memories)  # values, gradient, and a copy while they change
    values = _COPIES_OF_OUTPUTS * sum(size_of(node.output_shape) for node in graph.nodes)
    values += sum(node.layer.temporary(list(node.input_shapes)) for node in graph.nodes)
    pictures = max(graph.net.batch // graph.net.subdivisions, 1)
    loaded = 4 * graph.net.batch * size_of(graph.input_shape)  # the batch in use and three under way
    return VALUE_BYTES * (of_arrays + pictures * values + loaded)
