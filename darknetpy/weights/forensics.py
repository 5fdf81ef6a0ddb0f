"""What kind of wrong a weights file is, judged by its first bytes and its length: the words of the errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from darknetpy.config.file_kinds import describe_content
from darknetpy.errors import WeightsError, printable
from darknetpy.graph import Graph, Node
from darknetpy.layers.base import size_of
from darknetpy.weights.header import (
    LARGEST_NUMBER,
    LONG,
    SHORT,
    VERSION_BYTES,
    Header,
    header_size,
    is_byte_swapped,
    is_plausible,
    parse_version,
    version_text,
)
from darknetpy.weights.layout import VALUE_BYTES, Slot, layers_text, nodes_of, total_bytes, total_values

A_WEIGHTS_FILE = "a Darknet weights file"
COPY_AGAIN = "Download or copy it again"
RIGHT_FILE = "Check that this is the right file"
RIGHT_PAIR = "Is this the weights file of this cfg?"
MAXIMUM_REPEATS = 4  # of one layer's size, before a surplus that divides by it counts as chance
_REMEDIES = {
    "a Git LFS pointer, not the file itself": "Run git lfs pull",
    "an HTML page (did a download fail?)": COPY_AGAIN,
    "a Darknet cfg file": "The order of arguments is CFG WEIGHTS",
}


def wrong_header(head: bytes, size: int, path: str | None) -> WeightsError | None:
    """The error of a file of ``size`` bytes that begins with ``head`` but not with a whole header; None for a good one.

    Finds empty files, other kinds of file, headers cut off, impossible versions and big-endian files.
    """
    if size == 0:
        return WeightsError("empty file", A_WEIGHTS_FILE, COPY_AGAIN, path=path)
    if size >= VERSION_BYTES and is_plausible(parse_version(head)) and size >= header_size(parse_version(head)):
        return None
    other = wrong_content(head, path)
    if other is not None:
        return other
    if size < VERSION_BYTES:
        return WeightsError(f"header cut off: {size} bytes", f"{SHORT} or {LONG} bytes", COPY_AGAIN, path=path)
    version = parse_version(head)
    if is_plausible(version):
        expected = f"{header_size(version)} bytes (version {version_text(version)})"
        return WeightsError(f"header cut off: {size} bytes", expected, COPY_AGAIN, path=path)
    if is_byte_swapped(head):
        remedy = "Write it again on a little-endian machine"
        return WeightsError("the bytes of its numbers are in reverse order", "little-endian numbers", remedy, path=path)
    found = f"not {A_WEIGHTS_FILE}: version {version_text(version)}"
    return WeightsError(found, f"numbers from 0 to {LARGEST_NUMBER}", RIGHT_FILE, path=path)


def wrong_content(head: bytes, path: str | None) -> WeightsError | None:
    """The error for a file of another kind, such as an HTML page; None when its first bytes tell nothing."""
    kind = describe_content(head) or _describe_text(head)
    if kind is None or kind == A_WEIGHTS_FILE:
        return None
    return WeightsError(f"this is {kind}", A_WEIGHTS_FILE, _REMEDIES.get(kind, RIGHT_FILE), path=path)


def _describe_text(head: bytes) -> str | None:
    """Short texts come from servers that answer "Not found" instead of sending the file."""
    text = head.decode("ascii", "replace").strip()
    readable = text and all(character.isprintable() or character in "\r\n\t" for character in text)
    if not readable or "\N{REPLACEMENT CHARACTER}" in text:
        return None
    return f"text that begins with '{printable(text.splitlines()[0], limit=40)}' (did a download fail?)"


@dataclass(frozen=True)
class Misfit:
    """A file whose length is not that of the network's weights. ``size`` is the whole file's, in bytes."""

    graph: Graph
    slots: Sequence[Slot]
    header: Header
    size: int
    known_sizes: Mapping[str, int]
    path: str | None

    @property
    def expected(self) -> int:
        """The right size of the file in bytes."""
        return self.header.size + total_bytes(self.slots)

    @property
    def values(self) -> int:
        """How many whole values the file has."""
        return (self.size - self.header.size) // VALUE_BYTES

    @property
    def surplus(self) -> int | None:
        """How many values the file has too many (negative: too few); None where its size is no number of values."""
        surplus, rest = divmod(self.size - self.expected, VALUE_BYTES)
        return surplus if rest == 0 else None

    def error(self) -> WeightsError:
        """The error that says where the file ends, or how much too long it is, and what may be the reason."""
        if self.size > self.expected:
            found = f"the file has {self.size} bytes, {self.size - self.expected} too many"
            remedy = next(self._hints(), RIGHT_PAIR)
            return WeightsError(found, f"{self.expected} bytes", remedy, path=self.path)
        if self.size == self.header.size:
            found = f"no weights after the header ({self.size} bytes)"
            return WeightsError(found, f"{self.expected} bytes", COPY_AGAIN, path=self.path)
        return self._cut_off()

    def _cut_off(self) -> WeightsError:
        slot = next(slot for slot in self.slots if slot.end > self.values)
        begins = slot.offset * VALUE_BYTES + self.header.size
        if self.size == begins and slot.array is first_array(slot.node, self.slots):
            return self._cut_off_between_layers(slot)
        where = "before" if self.size == begins else "in"
        return WeightsError(
            f"cut off {where} {slot.array.name}: the file ends at byte {self.size}",
            f"{slot.values} values at byte {begins} and {self.expected} bytes in all",
            next(self._hints(), "Is the download complete, and is this the weights file of this cfg?"),
            path=self.path,
            section=slot.node.type,
            layer=slot.node.index,
        )

    def _cut_off_between_layers(self, missing: Slot) -> WeightsError:
        nodes = nodes_of(self.slots)
        filled = [node for node in nodes if node.index < missing.node.index]
        last = filled[-1].index
        held = f"{len(filled)} of {len(nodes)} layers with weights"
        remedy = f"To load these all the same, and leave the others as they begin, use upto={last + 1}"
        hint = next(self._hints(), "")
        return WeightsError(
            f"the file ends at byte {self.size}, after layer {last}: {held}",
            f"{self.expected} bytes",
            f"{hint}. {remedy}" if hint else remedy,
            path=self.path,
        )

    def _hints(self) -> Iterator[str]:
        """Reasons that explain the length to the byte, the surest first."""
        yield from self._other_header()
        yield from self._known_network()
        if self.surplus is not None:
            yield from self._other_classes()
            yield from self._other_normalization(self.surplus)
            yield from self._left_out(self.surplus)
            yield from self._more_layers(self.surplus)

    def _other_header(self) -> Iterator[str]:
        other = SHORT if self.header.size == LONG else LONG
        if self.size == other + total_bytes(self.slots):
            yield (
                f"With a header of {other} bytes it would fit, but version {version_text(self.header.version)} "
                f"has {self.header.size}"
            )

    def _known_network(self) -> Iterator[str]:
        same = [name for name, size in self.known_sizes.items() if size - LONG == self.size - self.header.size]
        if same:
            yield f"This is the size of {' or '.join(printable(name) for name in same[:3])}"

    def _other_classes(self) -> Iterator[str]:
        layers = class_outputs(self.graph, self.slots)
        classes = classes_of(layers, self.slots, self.values)
        if classes is not None:
            layer = layers[-1]
            outputs = layer.per_class * classes + layer.fixed
            yield (
                f"It fits this network with {classes} classes instead of {layer.classes} "
                f"({outputs} outputs of layer {layer.node.index})"
            )

    def _other_normalization(self, surplus: int) -> Iterator[str]:
        changes = list(_normalization_changes(self.slots))
        alone = [node for node, values in changes if values == surplus]
        together = [node for node, values in changes if values * surplus > 0]
        if alone:
            layers = f"layer {' or '.join(str(node.index) for node in alone[:3])}"
        elif surplus and sum(values for _, values in changes if values * surplus > 0) == surplus:
            layers = layers_text(together)
        else:
            return
        wrong, given = ("too many", "missing from") if surplus > 0 else ("missing", "too much in")
        yield (
            f"The {abs(surplus)} values {wrong} are as many as the batch-norm arrays of {layers}: "
            f"is batch_normalize=1 {given} the cfg?"
        )

    def _left_out(self, surplus: int) -> Iterator[str]:
        """AlexeyAB's program saves also what dontload=1 tells it not to load."""
        if surplus == self.graph.parameters - total_values(self.slots):
            yield "The rest is as long as what dontload=, dontloadscales= or numload= leave out: take them out"

    def _more_layers(self, surplus: int) -> Iterator[str]:
        fitting = [
            (size, node)
            for node, size in self._node_sizes()
            if surplus >= size and surplus % size == 0 and surplus // size <= MAXIMUM_REPEATS
        ]
        if fitting:
            size, node = max(fitting, key=lambda pair: pair[0])
            times = f" {surplus // size} times" if surplus > size else ""
            yield f"The rest is as long as layer {node.index} [{node.type}]{times}: does the cfg have fewer layers?"

    def _node_sizes(self) -> list[tuple[Node, int]]:
        """The layers with weights, and how many values each has in the file."""
        sizes = values_by_layer(self.slots)
        return [(node, sizes[node.index]) for node in nodes_of(self.slots)]


def may_have_more_layers(slots: Sequence[Slot], values: int) -> bool:
    """Whether a file of so many values may be that of a longer network that begins like this one.

    It has too many of them by more than one for each channel that the last layer has, and not just by those of the
    batch normalization of one layer or of all.
    """
    if not slots:
        return False
    surplus = values - total_values(slots)
    channels = slots[-1].node.output_shape[0]
    changes = [values for _, values in _normalization_changes(slots) if values > 0]
    return surplus > channels and surplus not in {*changes, sum(changes)}


def first_array(node: Node, slots: Sequence[Slot]) -> object:
    """The first array that the file has of a layer."""
    return next(slot.array for slot in slots if slot.node is node)


def _normalization_changes(slots: Sequence[Slot]) -> Iterator[tuple[Node, int]]:
    """Each layer, and the values that the file has more (fewer: negative) if batch_normalize is turned over there."""
    for node in nodes_of(slots):
        sizes = {slot.array.name: slot.values for slot in slots if slot.node is node}
        if "biases" in sizes:
            yield node, 3 * sizes["biases"] * (-1 if "scales" in sizes else 1)


@dataclass(frozen=True)
class ClassOutputs:
    """A layer with weights that has ``per_class * classes + fixed`` outputs."""

    node: Node
    outputs: int
    per_class: int = 1
    fixed: int = 0

    @property
    def classes(self) -> int:
        """The number of classes in this network."""
        return (self.outputs - self.fixed) // self.per_class


def class_outputs(graph: Graph, slots: Sequence[Slot]) -> list[ClassOutputs]:
    """The layers whose number of outputs follows from the number of classes; none where that is not known.

    A classifier has one: its last layer with weights, if the network's output has one value for each of its outputs.
    A detector has one before each head, if all heads tell the same number of classes apart.
    """
    if not slots:
        return []
    heads, with_weights = graph.heads, nodes_of(slots)
    if heads:
        before = {index: graph.nodes[graph.nodes[index].sources[0]] for index in heads}
        alike = len({head.classes for head in heads.values()}) == 1
        if not alike or not all(node in with_weights for node in before.values()):
            return []
        return [
            ClassOutputs(before[index], before[index].output_shape[0], head.per_class, head.besides_classes)
            for index, head in heads.items()
        ]
    node = with_weights[-1]
    outputs = node.output_shape[0]
    return [ClassOutputs(node, outputs)] if size_of(graph.nodes[-1].output_shape) == outputs else []


def values_by_layer(slots: Sequence[Slot]) -> dict[int, int]:
    """How many values the file has of each layer, by its index."""
    sizes: dict[int, int] = {}
    for slot in slots:
        sizes[slot.node.index] = sizes.get(slot.node.index, 0) + slot.values
    return sizes


def classes_of(layers: Sequence[ClassOutputs], slots: Sequence[Slot], values: int) -> int | None:
    """The number of classes with which this network would have so many values in its file; None where none has.

    Args:
        layers: from `class_outputs`.
        slots: all of the network's.
        values: in the file, behind its header.
    """
    if not layers:
        return None
    sizes = values_by_layer(slots)
    units = [(layer, sizes[layer.node.index] // layer.outputs) for layer in layers]
    rest = sum(sizes.values()) - sum(unit * layer.per_class * layer.classes for layer, unit in units)
    classes, remainder = divmod(values - rest, sum(unit * layer.per_class for layer, unit in units))
    return classes if remainder == 0 and classes > 0 else None
