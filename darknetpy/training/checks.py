"""What can be known of a training before it starts: whether a network can be trained, and as its cfg says."""

from __future__ import annotations

from collections.abc import Iterator

from darknetpy.errors import ConfigError, DarknetpyError, DarknetpyWarning, Findings, TrainingError
from darknetpy.graph import Graph, Node
from darknetpy.layers.base import RecurrentLayer
from darknetpy.training.averages import LAST_UPDATES
from darknetpy.training.input_sizes import InputSizes
from darknetpy.training.passes import frozen_layers, loss_layers
from darknetpy.training.updates import layers_at_rest

FEWEST_PICTURES = 8
"""Pictures of an update below which detectors hardly learn."""
_GPU_ONLY = "it works on a GPU in Darknet, and not at all here"
_WARPS = ("sway", "rotate", "stretch", "stretch_sway")
_IGNORED_IN_NET = (
    "adversarial_lr", "attention", "contrastive", "contrastive_jit_flip", "contrastive_color", "unsupervised",
    "weights_reject_freq", "equidistant_point", "badlabels_rejection_percentage", "num_sigmas_reject_badlabels",
)  # fmt: skip
_IGNORED_IN_LAYERS = {
    "convolutional": ("assisted_excitation", "reverse", "coordconv", "dot"),
    "cost": ("ratio", "noobj", "thresh"),
}


def check_trainable(graph: Graph, findings: Findings) -> None:
    """Tell ``findings`` what is wrong with training a network, and what is doubtful.

    Raises:
        ConfigError: an option stands in the way: sizes that change before a layer whose arrays depend on the size,
            nothing that learns, statistics of a single value, filters that are to be warped.
        TrainingError: there is no loss, or nothing with arrays.
    """
    for error in _errors(graph):
        findings.error(error)
    for warning in _doubts(graph):
        findings.warning(warning)


def _errors(graph: Graph) -> Iterator[DarknetpyError]:
    try:
        loss_layers(graph)
    except TrainingError as error:
        yield TrainingError(error.found, error.expected, error.remedy, path=graph.cfg.path)
    yield from _nothing_learns(graph)
    yield from _changing_sizes(graph)
    yield from _single_values(graph)
    if graph.heads and graph.net.batch == 1:
        found, remedy = "batch=1", "Write batch=64 and subdivisions=16, for example"
        yield ConfigError(found, "more pictures in an update of a detector", remedy, **graph.cfg.net.at("batch"))
    for node in graph.nodes:
        for name in _WARPS:
            if node.options.get(name):
                found = f"{name}=1 while training"
                yield node.layer.refusal(found, "filters that are not warped", f"Delete {name}=; {_GPU_ONLY}", name)


def _nothing_learns(graph: Graph) -> Iterator[DarknetpyError]:
    """Networks without arrays, and those in which every array stays as it is."""
    learning = {node.index for node in graph.nodes if any(array.trained for array in node.arrays)}
    if not learning:
        remedy = "Add a [convolutional] or a [connected]"
        yield TrainingError("no layer with weights", "something to train", remedy, path=graph.cfg.path)
    elif learning <= frozen_layers(graph, graph.net.max_batches):
        last = max(node.index for node in graph.nodes if node.options.stopbackward)
        remedy = "Write it in an earlier section, or delete it"
        layer = graph.nodes[last].layer
        yield layer.refusal("no layer behind it has weights", "something to train", remedy, "stopbackward")
    elif learning <= layers_at_rest(graph, graph.net.max_batches):
        found, remedy = "all arrays stay as they are to the end", "Delete train_only_bn= or dont_update= somewhere"
        yield TrainingError(found, "something to train", remedy, path=graph.cfg.path)


def _changing_sizes(graph: Graph) -> Iterator[DarknetpyError]:
    """Pictures of several sizes need layers whose arrays do not depend on the size."""
    heads = [node for node in graph.heads.values() if node.options.get("random") and node.type != "detection"]
    place = heads[-1].section.at("random") if heads else graph.cfg.net.at("random")
    if (not heads and not graph.net.random) or len(graph.input_shape) != 3:
        return
    height, width = (side + max(int(graph.net.resize_step), 1) for side in graph.input_shape[1:])
    sizes = {(width, height)} if heads else InputSizes(graph, 0).possible
    try:
        for width, height in sorted(sizes, reverse=True):
            graph.resized(height, width)
    except ConfigError as error:
        found = f"random= with [{error.section}] in layer {error.layer}, which works at one size only"
        remedy = f"Write random=0. At {width}x{height}: {error.found}"
        yield ConfigError(found, "pictures of one size", remedy, **place)


def _single_values(graph: Graph) -> Iterator[DarknetpyError]:
    """Batch normalization needs two values of each channel at least."""
    pictures = max(graph.net.batch // graph.net.subdivisions, 1)
    frozen = frozen_layers(graph)
    for node in graph.nodes:
        steps = 1 if isinstance(node.layer, RecurrentLayer) else graph.net.time_steps
        if _normalizes(node) and node.index not in frozen and pictures * steps * _pixels(node) < 2:
            found = "batch normalization of one value for each channel: one picture a mini-batch, of one pixel here"
            option = "batch_normalize" if node.options.get("batch_normalize") else None
            yield node.layer.refusal(found, "at least two", "Write a larger batch, or fewer subdivisions", option)


def _normalizes(node: Node) -> bool:
    return bool(node.options.get("batch_normalize") or node.options.get("cbn") or node.type == "batchnorm")


def _pixels(node: Node) -> int:
    shape = node.output_shape
    return shape[1] * shape[2] if len(shape) == 3 else 1


def _doubts(graph: Graph) -> Iterator[DarknetpyWarning]:
    net, section = graph.net, graph.cfg.net
    if graph.heads and 1 < net.batch < FEWEST_PICTURES:
        expected = f"at least {FEWEST_PICTURES} for a detector"
        yield DarknetpyWarning(f"batch={net.batch}", expected, "It will hardly learn", **section.at("batch"))
    if net.ema_alpha and net.max_batches <= 2 * LAST_UPDATES:
        found, expected = f"ema_alpha with max_batches={net.max_batches}", f"more than {2 * LAST_UPDATES} updates"
        yield DarknetpyWarning(found, expected, "The average is not made use of", **section.at("ema_alpha"))
    for name in _IGNORED_IN_NET:
        if net[name]:
            yield DarknetpyWarning(f"{name}= is ignored", "", f"Delete it: {_GPU_ONLY}", **section.at(name))
    for node in graph.nodes:
        for name in _IGNORED_IN_LAYERS.get(node.type, ()):
            if name in node.options.given and node.options[name] != _default(node, name):
                remedy = f"Delete it: {_GPU_ONLY}"
                yield DarknetpyWarning(f"{name}= is ignored", "", remedy, **node.layer.section.at(name))
        if node.options.get("dropblock"):
            found, remedy = "dropblock=1", "Single values are dropped, as by Darknet on a CPU"
            yield DarknetpyWarning(found, "", remedy, **node.layer.section.at("dropblock"))


def _default(node: Node, name: str) -> object:
    return next(option.default for option in node.layer.declared_options if option.name == name)
