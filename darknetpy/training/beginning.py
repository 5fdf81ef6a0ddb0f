"""What happens before the first iteration of the training of a classifier: checks, truths, weights to begin with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from darknetpy.config.file_kinds import SNIFFED
from darknetpy.config.sections import Cfg
from darknetpy.errors import DarknetpyWarning, DataError, Findings, TrainingError, WeightsError, printable
from darknetpy.graph import Graph
from darknetpy.images.channels import require_known_channels
from darknetpy.layers.base import UNKNOWN, size_of
from darknetpy.training.checks import check_trainable
from darknetpy.training.dataset import Dataset, Samples
from darknetpy.training.memory_left import memory_left
from darknetpy.training.optimizers import Optimizer
from darknetpy.training.step import pictures_per_update
from darknetpy.training.truths import Truths, along_tree, smoothed
from darknetpy.training.updates import optimizer_of
from darknetpy.weights.forensics import class_outputs, classes_of, may_have_more_layers
from darknetpy.weights.header import LONG, VERSION_BYTES, forks_disagree, header_size, parse_version
from darknetpy.weights.layout import VALUE_BYTES, layers_text, layout
from darknetpy.weights.reader import LoadReport, read_weights

_MEGABYTE = 2**20
FEW_CLASSES = 10  # whose pictures are counted one by one in a message
_NOT_FOLLOWED = ("notruth", "track")
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
        remedy = f"Write such a network: darknetpy cfg adapt CFG --classes {len(names)} --out FILE"
        raise DataError(f"pictures of {len(names)} classes", expected, remedy, path=data_path)
    if samples is None or not len(samples):
        raise DataError("no training pictures", "train = FILE in the .data file", path=data_path)
    for name in _NOT_FOLLOWED:
        if name in graph.net.given and graph.net[name]:
            found, place = f"{name}= has no effect on the training of a classifier", graph.cfg.net.at(name)
            findings.warning(DarknetpyWarning(found, "", "", **place))
    if len(samples) < pictures_per_update(graph.net):
        found, expected = f"{len(samples)} training pictures", f"at least batch={pictures_per_update(graph.net)}"
        findings.warning(DarknetpyWarning(found, expected, "Updates see some of them twice", path=data_path))
    expected_ones = graph.tree.leaves.tolist() if graph.tree is not None else [True] * len(names)
    counts = samples.counts(len(names)).tolist()
    missing = [name for name, count, one in zip(names, counts, expected_ones, strict=True) if one and not count]
    if missing:
        found = f"no training picture of {', '.join(missing[:FEW_CLASSES])}{', ...' if missing[FEW_CLASSES:] else ''}"
        findings.warning(DarknetpyWarning(found, "some of each class", "They cannot be learnt", path=data_path))
    return samples


def by_nodes(dataset: Dataset, graph: Graph) -> Dataset:
    """The same pictures with numbers of the network's classes, where these form a tree and the data names some of them.

    Usually the pictures are of leaves, so that there are more classes in the network than in the data. Raises DataError
    for a class that the tree has not.
    """
    tree, names = graph.tree, dataset.names
    if tree is None or len(names) == len(tree):
        return dataset
    places = {name: number for number, name in enumerate(tree.names)}
    strange = next((name for name in names if name not in places), None)
    if strange is not None:
        found, expected = f"pictures of {printable(strange)}", "classes that are in the tree of the network"
        raise DataError(found, expected, "Name folders or labels as the file of tree= does", path=graph.cfg.path)
    numbers = [places[name] for name in names]

    def moved(samples: Samples | None) -> Samples | None:
        if samples is None:
            return None
        return Samples(samples.paths, tuple(tuple(numbers[one] for one in classes) for classes in samples.classes))

    return replace(dataset, names=tree.names, training=moved(dataset.training), validation=moved(dataset.validation))


def _require_classifier(graph: Graph) -> None:
    path, expected = graph.cfg.path, "a classifier of pictures"
    if graph.heads:
        raise TrainingError("this network is a detector", expected, "Detectors cannot be trained yet", path=path)
    if len(graph.input_shape) != 3 or graph.net.time_steps > 1:
        found = "the network takes sequences" if graph.net.time_steps > 1 else "the network takes no pictures"
        raise TrainingError(found, expected, "Others are trained from Python, by darknetpy.training.step", path=path)
    require_known_channels(graph.input_shape[0])


def truths_of(samples: Samples, graph: Graph) -> Truths:
    """What the network should answer to each picture, see `smoothed_truths`."""
    return samples.truths(graph.classes).changed(lambda rows: smoothed_truths(rows, graph))


def smoothed_truths(truths: np.ndarray, graph: Graph) -> np.ndarray:
    """Truths (n, classes) of 0 and 1, smoothed as ``label_smooth_eps`` of [net] says.

    In a tree of classes the truth of a node is that of all above it, too; groups of siblings without one stay 0, which
    says nothing of them, and each other group is smoothed by itself.
    """
    part, tree = graph.net.label_smooth_eps, graph.tree
    if tree is None:
        return smoothed(truths, part)
    along = along_tree(truths, tree)
    result = np.zeros_like(truths)
    for group in tree.groups:
        own = along[:, group]
        result[:, group] = np.where(own == UNKNOWN, 0, smoothed(own, part))
    return result


def with_net_options(cfg: Cfg, written: Mapping[str, str]) -> Cfg:
    """The cfg as if [net] said so; what depends on these options follows."""
    changed = copy(cfg)
    net = replace(cfg.net, values={**cfg.net.values, **written}, raw={**cfg.net.raw, **written})
    changed.sections = [net, *cfg.layers]
    return changed


def counts_text(samples: Samples, names: tuple[str, ...]) -> str:
    """How many pictures there are of each class, or for many classes of the rarest and of the most frequent.

    >>> counts_text(Samples(("a.png", "b.png", "c.png"), ((0,), (1,), (1,))), ("cat", "dog"))
    '3 pictures in 2 classes: 1 cat, 2 dog'
    """
    counts = samples.counts(len(names)).tolist()
    if min(counts) == max(counts):
        each = f"{counts[0]:,} of each" + (f": {', '.join(names)}" if len(names) <= FEW_CLASSES else "")
    elif len(names) <= FEW_CLASSES:
        each = ", ".join(f"{count:,} {name}" for count, name in zip(counts, names, strict=True))
    else:
        fewest, most = counts.index(min(counts)), counts.index(max(counts))
        each = f"from {counts[fewest]:,} {names[fewest]} to {counts[most]:,} {names[most]}"
    return f"{len(samples):,} pictures in {len(names):,} classes: {each}"


def read_what_fits(path: str | os.PathLike[str], graph: Graph, *, seed: int, findings: Findings) -> LoadReport:
    """Fill a network from a weights file that may end behind any of its layers; the rest gets initial weights.

    So do the layers from the first one on whose size depends on the number of classes, where the file is as long as
    that of the same network for another number of classes; a warning names them. Where a file goes on behind the last
    layer, as that of a longer network does, a warning says so.

    Raises WeightsError as :func:`~darknetpy.weights.reader.read_weights` for one that ends elsewhere.
    """
    upto, classes = _layers_in(Path(path), graph)
    report = read_weights(path, graph, upto=upto, findings=findings, seed=seed)
    if classes is not None:
        rest = [node for node in graph.nodes[upto:] if node.arrays]
        begins = f"{layers_text(rest)} begin{'' if len(rest) > 1 else 's'} anew, the layers before are taken"
        found, expected = f"weights for {classes} classes", f"{graph.classes} as in the network"
        findings.warning(DarknetpyWarning(found, expected, begins.capitalize(), path=path), WeightsError)
    return report


def _layers_in(path: Path, graph: Graph) -> tuple[int | None, int | None]:
    """How many layers of a file can be taken, and for how many classes it is if not for those of the network.

    The layers are None where the file ends behind the last one, and where nothing is known; reading the file says what
    is wrong then.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(SNIFFED)
    except (OSError, ValueError):
        return None, None
    if len(head) < VERSION_BYTES:
        return None, None
    version = parse_version(head)
    headers = {header_size(version), *([LONG] if forks_disagree(version) else [])}
    slots = layout(graph)
    for slot, following in pairwise(slots):
        whole_layer = following.node is not slot.node
        if whole_layer and size - VALUE_BYTES * slot.end in headers:
            return slot.node.index + 1, None
    giving = class_outputs(graph, slots)
    lengths = [(size - header) // VALUE_BYTES for header in sorted(headers) if (size - header) % VALUE_BYTES == 0]
    for classes in (classes_of(giving, slots, length) for length in lengths):
        if classes not in (None, graph.classes) and giving[0].node.index:
            return giving[0].node.index, classes
    goes_on = any(may_have_more_layers(slots, length) for length in lengths)
    return (len(graph.nodes) if goes_on else None), None


def check_memory(needed: int, graph: Graph, findings: Findings) -> None:
    """Tell ``findings`` where an iteration needs more bytes than there are: it would be slow, or end somewhere."""
    free = memory_left()
    if needed <= free:
        return
    found = f"an iteration needs about {needed / _MEGABYTE:,.0f} MB of memory"
    remedy = "Raise subdivisions=, as far as batch= goes, or make width= and height= smaller"
    place = graph.cfg.net.at("subdivisions")
    findings.warning(DarknetpyWarning(found, f"at most the {free / _MEGABYTE:,.0f} MB that are free", remedy, **place))


def memory_estimate(graph: Graph, optimizer: Optimizer | None = None) -> int:
    """About how many bytes an iteration needs, decoded pictures that are kept for the next epoch not counted."""
    memories = len((optimizer or optimizer_of(graph.net)).memories)
    of_arrays = graph.parameters * (3 + 2 * memories)  # values, gradient, and copies while they change
    values = _COPIES_OF_OUTPUTS * sum(size_of(node.output_shape) for node in graph.nodes)
    values += sum(node.layer.temporary(list(node.input_shapes)) for node in graph.nodes)
    pictures = max(graph.net.batch // graph.net.subdivisions, 1)
    loaded = 4 * graph.net.batch * size_of(graph.input_shape)  # the batch in use and three under way
    return VALUE_BYTES * (of_arrays + pictures * values + loaded)
