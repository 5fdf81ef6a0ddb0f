"""Reads weights files into the layers of a graph.

The length of the file is compared with the network's before anything is allocated; then each array is read straight
into its own memory. Source: AlexeyAB/darknet and pjreddie/darknet src/parser.c, load_weights_upto.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from darknetpy.config.file_kinds import SNIFFED
from darknetpy.errors import DarknetpyWarning, Findings
from darknetpy.graph import Graph, Node, initialize
from darknetpy.weights.arrays_in_file import (
    ArraysInFile,
    Checksums,
    OpenedFile,
    Plan,
    Source,
    look_at,
    opened,
    read_array,
)
from darknetpy.weights.forensics import Misfit, class_outputs, classes_of, wrong_content, wrong_header
from darknetpy.weights.header import (
    LARGEST_SEEN,
    LONG,
    Header,
    Version,
    forks_disagree,
    header_size,
    parse_header,
    parse_version,
    version_text,
)
from darknetpy.weights.layout import VALUE_BYTES, Slot, check_upto, layers_text, layout, nodes_of, total_bytes
from darknetpy.weights.official_sizes import OFFICIAL_SIZES
from darknetpy.weights.plausibility import Plausibility, as_warning, warn


@dataclass(frozen=True)
class LoadReport:
    """What was loaded. ``version`` and ``header_bytes`` let ``write_weights`` keep the form of the file."""

    path: str | None
    """The file, as it was named; None for bytes in memory."""
    version: Version
    header_bytes: int
    seen: int
    """How many pictures the network was trained with, 0 where the file says nonsense."""
    layers_loaded: int
    """How many layers have all their arrays from the file."""
    parameters: int
    """How many values were read."""
    bytes: int
    """How long the file is."""
    notes: tuple[str, ...]
    """What is good to know: how the header was read, which layers keep their initial values."""


def read_weights(
    source: Source,
    graph: Graph,
    *,
    upto: int | None = None,
    allow_damaged: bool = False,
    findings: Findings | None = None,
    seed: int = 0,
    known_sizes: Mapping[str, int] = OFFICIAL_SIZES,
    later: bool = False,
) -> LoadReport:
    """Fill the arrays of a network from a weights file.

    Args:
        source: a path, or the bytes of a file.
        graph: its layers get float32 arrays of the shapes they declare, C-contiguous, in ``layer.weights``. Either all
            are replaced, or (when an error is raised) none.
        upto: read the layers before this index only, for files like ``darknet53.conv.74`` or the first layers of a
            whole file. What the file does not fill keeps its values, or gets initial ones.
        allow_damaged: go on, with a warning, when the file is longer or shorter than the network. Values that are
            there are used.
        findings: receives warnings (values that are not finite, all zero, ...) and notes.
        seed: for initial values.
        known_sizes: name of a network -> bytes of its weights file, to recognise files of other networks.
        later: read and check all of a file, but keep little of it: the arrays of layers that it fills wait in it, see
            :class:`ArraysInFile`, and are read when they are asked for.

    Raises:
        WeightsError: the file cannot be read, is something else, or does not fit the network to the byte.

    >>> import numpy as np
    >>> from darknetpy.config.sections import parse_cfg
    >>> from darknetpy.graph import build_graph
    >>> graph = build_graph(parse_cfg("[net]\\nwidth=2\\nheight=2\\nchannels=1\\n[convolutional]\\nactivation=linear"))
    >>> report = read_weights(bytes(16) + np.array([2, 5], "<f4").tobytes(), graph)
    >>> report.parameters, graph.nodes[0].weights["biases"]
    (2, array([2.], dtype=float32))
    """
    findings = findings or Findings()
    noted = len(findings.notes)
    values, checks = Plausibility(), Checksums()
    with opened(source) as file:
        plan = _plan(file, graph, upto, allow_damaged, findings, known_sizes)
        seen = _checked_seen(plan.header, file.path, findings)
        waiting = _filled_nodes(plan) if later and file.path is not None else {}
        loaded = []
        for slot in plan.slots:
            if slot.node.index in waiting:
                look_at(file, plan, slot, values.take, checks.take)
            else:
                loaded.append((slot, read_array(file, plan, slot, seed, values.take)))
    values.report(findings, file.path, allow_damaged=allow_damaged)
    _note_unfilled(graph, plan, file, upto, findings)
    for slot, loaded_values in loaded:
        slot.node.weights[slot.array.name] = loaded_values
    for node in graph.nodes:
        if node.index in waiting and file.path is not None:
            own = {slot.array.name: slot for slot in plan.slots if slot.node is node}
            node.weights.come_later(ArraysInFile(Path(file.path).absolute(), plan, own, checks.found))
            continue
        for array in node.arrays:
            if array.name not in node.weights:
                node.weights[array.name] = initialize(node, array, seed)
    return LoadReport(
        path=file.path,
        version=plan.header.version,
        header_bytes=plan.header.size,
        seen=seen,
        layers_loaded=len(nodes_of(plan.slots)) - len(nodes_of(plan.unfilled)),
        parameters=sum(plan.held(slot) for slot in plan.slots),
        bytes=file.size,
        notes=tuple(findings.notes[noted:]),
    )


def _plan(
    file: OpenedFile,
    graph: Graph,
    upto: int | None,
    allow_damaged: bool,
    findings: Findings,
    known_sizes: Mapping[str, int],
) -> Plan:
    """Settle what to read, and refuse what does not fit the network."""
    check_upto(graph, upto, file.path)
    head = file.stream.read(SNIFFED)
    bad_header = wrong_header(head, file.size, file.path)
    if bad_header is not None:
        raise bad_header
    slots = layout(graph, upto)
    header = parse_header(head, _settled_header_size(parse_version(head), file, graph, slots, findings))
    surplus = file.size - header.size - total_bytes(slots)
    other = wrong_content(head, file.path) if surplus else None
    if other is not None:
        raise other
    if surplus > 0 and upto is not None:
        _accept_rest(file, header, graph, surplus, upto, findings)
    elif surplus:
        error = Misfit(graph, slots, header, file.size, known_sizes, file.path).error()
        if not allow_damaged:
            raise error
        warn(findings, as_warning(error))
    return Plan(header, slots, file.size)


def _settled_header_size(
    version: Version, file: OpenedFile, graph: Graph, slots: tuple[Slot, ...], findings: Findings
) -> int:
    """16 or 20: by the version, or where Darknet's programs disagree about it by what fits the network."""
    if forks_disagree(version) and file.size in (LONG + total_bytes(slots), LONG + total_bytes(layout(graph))):
        findings.note(f"{file.name}: version {version_text(version)} with a header of {LONG} bytes, as the size shows")
        return LONG
    return header_size(version)


def _accept_rest(file: OpenedFile, header: Header, graph: Graph, surplus: int, upto: int, findings: Findings) -> None:
    """With upto= a file may go on: quietly where it is one of the whole network, for any number of classes."""
    slots = layout(graph)
    giving = class_outputs(graph, slots)
    classes = classes_of(giving, slots, (file.size - header.size) // VALUE_BYTES)
    has_other_classes = classes is not None and upto <= giving[0].node.index
    if file.size == header.size + total_bytes(slots) or has_other_classes:
        findings.note(f"{file.name}: the {surplus} bytes for the layers from {upto} on are not read (upto={upto})")
        return
    found = f"the {surplus} bytes after layer {upto - 1} are not those of the next layers"
    warn(findings, DarknetpyWarning(found, "", "They are not read: is the part before them right?", path=file.path))


def _checked_seen(header: Header, path: str | None, findings: Findings) -> int:
    if header.seen <= LARGEST_SEEN[LONG]:
        return header.seen
    warn(findings, DarknetpyWarning(f"{header.seen} pictures seen", "less than 2^63", "Taken as 0", path=path))
    return 0


def _filled_nodes(plan: Plan) -> dict[int, Node]:
    """The layers that have all of their arrays from the file."""
    there: dict[int, set[str]] = {}
    for slot in plan.slots:
        if plan.held(slot) == slot.values and slot.array.leading is None:
            there.setdefault(slot.node.index, set()).add(slot.array.name)
    nodes = {slot.node.index: slot.node for slot in plan.slots}
    names = {index: {array.name for array in node.arrays} for index, node in nodes.items()}
    return {index: node for index, node in nodes.items() if there.get(index) == names[index]}


def _note_unfilled(graph: Graph, plan: Plan, file: OpenedFile, upto: int | None, findings: Findings) -> None:
    """Say which layers, or arrays, the file does not fill, and why."""
    inside = [node for node in graph.nodes[:upto] if node.arrays]
    reasons = {
        "dontload=1": [node for node in inside if node.options.dontload],
        "dontloadscales=1": [node for node in inside if not all(array.in_file for array in node.arrays)],
        "numload=": [node for node in inside if any(array.leading is not None for array in node.arrays)],
        "the file ends before": nodes_of(plan.unfilled),
        f"upto={upto}": [node for node in graph.nodes[len(graph.nodes[:upto]) :] if node.arrays],
    }
    for reason, nodes in reasons.items():
        if nodes:
            what = f"does not fill all of {layers_text(nodes)} ({reason})"
            findings.note(f"{file.name}: {what}; the rest stays as it begins")
