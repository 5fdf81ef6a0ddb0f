"""The cfg of a network for another number of classes: which lines change, to what, and why.

Source of the rules: AlexeyAB/darknet README.md, "How to train (to detect your custom objects)"; the layers themselves
say how many values they need.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from darknetpy.config.edits import Edit, difference, edited
from darknetpy.config.sections import Cfg
from darknetpy.dialect import DEFAULT, Dialect
from darknetpy.errors import ConfigError, Findings
from darknetpy.graph import INPUT, Graph, Node, build_graph
from darknetpy.layers.parts.head import Head

UPDATES_FOR_A_CLASS, FEWEST_UPDATES = 2000, 6000
FIRST_STEP = 0.8  # the part of the training behind which the rate falls
_COUNTS = ("filters", "output")
"""Options that say how many values a layer gives."""
_KEEPS_CLASSES = ("softmax", "logistic", "cost", "avgpool", "maxpool", "dropout", "activation", "batchnorm")
"""Types of layers that give a value, or a map, for each that they get."""
_OF_OLD_CLASSES = {
    "counters_per_class": "it counts the objects of the old classes",
    "map": "it numbers the old classes",
}
"""Options of a head that mean nothing for others; without them all classes count the same."""


@dataclass(frozen=True)
class Adaptation:
    """A cfg and what has become of it. ``classes`` is the number before."""

    before: Cfg
    after: Cfg
    classes: int
    is_detector: bool
    edits: tuple[Edit, ...]

    def difference(self, new_name: str | None = None) -> str:
        """A unified diff, with the reasons as comments in front, where ``patch`` and ``git apply`` skip them."""
        if not self.edits:
            return ""
        name = self.before.path or "cfg"
        reasons = "".join(f"# {edit}\n" for edit in self.edits)
        return reasons + difference(self.before, self.after, (name, new_name or name))


def adapt(
    cfg: Cfg, classes: int, *, training: bool = False, dialect: Dialect = DEFAULT, findings: Findings | None = None
) -> Adaptation:
    """Change a classifier or a detector to another number of classes, and nothing else.

    Args:
        classes: the number of classes, at least 1; at least 2 behind a [softmax].
        training: for a detector, also write ``max_batches`` and ``steps`` by AlexeyAB's rule: 2,000 updates for each
            class and at least 6,000; the rate falls at 80 % and 90 %.
        findings: receives what there is to say about the cfg as it was.

    Raises:
        ConfigError: the cfg is wrong already; or it cannot be adapted: its classes are a tree, it takes no pictures,
            the layer that gives the values of the classes is not there or is read by others, too.

    >>> from darknetpy.config.sections import read_cfg
    >>> for edit in adapt(read_cfg("cfg/yolov3-tiny.cfg"), 2).edits[:2]:
    ...     print(edit)
    line 125: filters=21 (was 255): 3 x (2 classes + 5) for the [yolo] at line 129
    line 130: classes=2 (was 80): the number of classes
    """
    graph = build_graph(cfg, dialect=dialect, findings=findings)
    _require_adaptable(graph)
    ways = [_way_to(graph, graph.nodes[index]) for index in graph.heads] or [_way_to(graph, graph.nodes[-1])]
    wanted = [edit for way in ways for edit in _edits(way, classes)]
    if training:
        wanted += _schedule(graph, classes)
    unlike = {(edit.section.line, edit.option): edit for edit in wanted if edit.changes_something}
    edits = tuple(sorted(unlike.values(), key=lambda edit: edit.line))
    after = edited(cfg, edits)
    _check(graph, after, classes, {node.index for way in ways for node in way})
    return Adaptation(cfg, after, graph.classes, bool(graph.heads), edits)


def _require_adaptable(graph: Graph) -> None:
    expected = "a classifier or a detector of pictures"
    with_tree = next((node for node in graph.nodes if node.layer.tree is not None), None)
    if with_tree is not None:
        remedy = "Make a tree for the new classes, and write its number of nodes by hand"
        raise with_tree.layer.refusal("the classes are a tree", "classes side by side", remedy, "tree")
    if len(graph.input_shape) != 3:
        remedy = "The values that it answers with are those that it reads: change inputs= and output= by hand"
        raise ConfigError("this network takes no pictures", expected, remedy, **graph.cfg.net.at())


def _way_to(graph: Graph, last: Node) -> list[Node]:
    """The layers from the one that gives the values of the classes to ``last``, a head or the end of a classifier."""
    way = [last]
    while _count_option(way[0]) is None:
        node = way[0]
        keeps = node.type in _KEEPS_CLASSES and node.output_shape[0] == node.input_shapes[0][0]
        if not (keeps or isinstance(node.layer, Head)) or node.sources[0] == INPUT:
            for_what = f"the [{last.layer.section.name}] at line {last.layer.section.line}"
            found = f"[{node.type}] gives the values of {'the classes' if node is last else for_what}"
            expected = "a layer with filters= or output=, one value for each class"
            raise node.layer.refusal(found, expected, "Change this cfg by hand")
        way.insert(0, graph.nodes[node.sources[0]])
    return way


def _count_option(node: Node) -> str | None:
    """The option that says how many values, or maps, a layer gives."""
    return next((name for name in _COUNTS if node.options.get(name) == node.output_shape[0]), None)


def _edits(way: list[Node], classes: int) -> Iterator[Edit]:
    """What changes in one chain of layers."""
    giver, last = way[0].layer, way[-1].layer
    option = _count_option(way[0]) or ""
    if not isinstance(last, Head):
        if classes == 1 and any(node.type == "softmax" for node in way):
            remedy = "Make the other pictures a class of their own"
            raise last.refusal("1 class, of which a softmax is always sure", "at least 2 classes", remedy)
        what = "filter" if option == "filters" else "value"
        yield Edit(giver.section, option, str(classes), f"one {what} for each class")
        return
    per_class, besides = last.per_class, last.besides_classes
    text = f"{classes} class{'' if classes == 1 else 'es'}"
    reason = (
        f"{per_class} x ({text} + {besides // per_class}) for the [{last.section.name}] at line {last.section.line}"
    )
    yield Edit(giver.section, option, str(per_class * classes + besides), reason)
    yield Edit(last.section, "classes", str(classes), "the number of classes")
    for name, why in _OF_OLD_CLASSES.items():
        if name in last.section.values:
            yield Edit(last.section, name, None, why)


def updates_for(classes: int) -> int:
    """How long AlexeyAB advises to train a detector, in updates.

    >>> updates_for(2), updates_for(80)
    (6000, 160000)
    """
    return max(FEWEST_UPDATES, UPDATES_FOR_A_CLASS * classes)


def _schedule(graph: Graph, classes: int) -> Iterator[Edit]:
    """How long to train, and when the rate falls."""
    net, section = graph.net, graph.cfg.net
    if not graph.heads:
        remedy = "Say how long when training: darknetpy train --iterations N"
        raise ConfigError("there is no rule for a classifier", "a detector", remedy, **section.at("max_batches"))
    updates = updates_for(classes)
    yield Edit(section, "max_batches", str(updates), f"{UPDATES_FOR_A_CLASS} for each class, at least {FEWEST_UPDATES}")
    falling = [place for place, scale in enumerate(net.scales[: len(net.steps)]) if scale < 1]
    if net.policy == "steps" and falling:
        steps = list(net.steps)
        for number, place in enumerate(falling):
            steps[place] = round(updates * (FIRST_STEP + (1 - FIRST_STEP) * number / len(falling)))
        yield Edit(section, "steps", ",".join(map(str, steps)), f"the rate falls behind {FIRST_STEP:.0%} of them")


def _check(graph: Graph, after: Cfg, classes: int, changing: set[int]) -> None:
    """Refuse a result that cannot be built, or in which layers change that have nothing to do with classes."""
    by_hand = "Change this cfg by hand"
    try:
        new = build_graph(after, dialect=graph.dialect)
    except ConfigError as error:
        place = {name: value for name, value in error.fields().items() if name not in ("found", "expected", "remedy")}
        found = f"{classes} classes do not fit: {error.found}"
        raise ConfigError(found, error.expected, by_hand, **place) from None  # type: ignore[arg-type]
    for node, other in zip(graph.nodes, new.nodes, strict=True):
        same = (node.input_shapes, node.output_shape, node.arrays) == (
            other.input_shapes, other.output_shape, other.arrays,
        )  # fmt: skip
        if node.index not in changing and not same:
            found = f"this layer would change with the number of classes, as it reads {_sources_text(node)}"
            raise node.layer.refusal(found, "answers that no other layer reads", by_hand)
    if new.classes != classes:
        found = f"the network answers with {graph.classes} values, not one for each filter"
        raise graph.nodes[-1].layer.refusal(found, "one value for each class", by_hand)


def _sources_text(node: Node) -> str:
    return f"layer{'s' if len(node.sources) > 1 else ''} {' and '.join(map(str, node.sources))}"
