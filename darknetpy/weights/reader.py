"""Reads weights files into the layers of a graph.

The length of the file is compared with the network's before anything is allocated; then each array is read straight
into its own memory. Source: AlexeyAB/darknet and pjreddie/darknet src/parser.c, load_weights_upto.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from darknetpy.config.file_kinds import SNIFFED
from darknetpy.errors import DarknetpyWarning, Findings, WeightsError, printable_path
from darknetpy.graph import Graph, Node, initialize
from darknetpy.kernels.memory import empty_floats
from darknetpy.layers.base import Array
from darknetpy.weights.forensics import A_WEIGHTS_FILE, Misfit, wrong_content, wrong_header
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

_RIGHT_PATH = "Check how the path is written"
PIECE_VALUES = 2**18  # one MiB: read, then looked at while it is still in the cache

Source = str | os.PathLike[str] | bytes
Stamp = tuple[int, ...]


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
        later: read and check all of a file, but keep little of it: layers that it fills read their arrays again when
            the first is asked for. Then the file must be the same as now, or a WeightsError says that it is not.

    Raises:
        WeightsError: the file cannot be read, is something else, or does not fit the network to the byte.

    >>> from darknetpy.config.sections import parse_cfg
    >>> from darknetpy.graph import build_graph
    >>> graph = build_graph(parse_cfg("[net]\\nwidth=2\\nheight=2\\nchannels=1\\n[convolutional]\\nactivation=linear"))
    >>> report = read_weights(bytes(16) + np.array([2, 5], "<f4").tobytes(), graph)
    >>> report.parameters, graph.nodes[0].weights["biases"]
    (2, array([2.], dtype=float32))
    """
    findings = findings or Findings()
    noted = len(findings.notes)
    values = Plausibility()
    with _opened(source) as file:
        plan = _plan(file, graph, upto, allow_damaged, findings, known_sizes)
        seen = _checked_seen(plan.header, file.path, findings)
        waiting = _filled_nodes(plan) if later and file.path is not None else {}
        loaded = []
        for slot in plan.slots:
            if slot.node.index in waiting:
                _look_at(file, plan, slot, values)
            else:
                loaded.append((slot, _read_array(file, plan, slot, seed, values)))
    values.report(findings, file.path, allow_damaged=allow_damaged)
    _note_unfilled(graph, plan, file, upto, findings)
    for slot, loaded_values in loaded:
        slot.node.weights[slot.array.name] = loaded_values
    for node in graph.nodes:
        if node.index in waiting and file.path is not None:
            node.weights.come_later(partial(_read_later, Path(file.path).absolute(), file.stamp, plan, node, seed))
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


def read_arrays(
    source: Source, graph: Graph, node: Node, *, upto: int | None = None, allow_damaged: bool = False, seed: int = 0
) -> dict[str, np.ndarray]:
    """Read the arrays of one layer again; the other arguments as they were for :func:`read_weights`.

    Returns name -> new float32 array for all arrays of the layer; what the file does not have is as in the layer, or
    initial where the layer has let go of it. Nothing for a layer that shares another's arrays.

    Raises:
        WeightsError: as :func:`read_weights`.
    """
    read: dict[str, np.ndarray] = {}
    with _opened(source) as file:
        plan = _plan(file, graph, upto, allow_damaged, Findings(), OFFICIAL_SIZES)
        for slot in plan.slots:
            if slot.node.index == node.index:
                read[slot.array.name] = _read_array(file, plan, slot, seed, Plausibility())
    for array in node.arrays:
        if array.name not in read:
            read[array.name] = _beginning(node, array, seed)
    return read


@dataclass(frozen=True)
class _File:
    """An open weights file, or bytes in memory."""

    stream: io.BufferedReader | io.BytesIO
    size: int
    path: str | None
    stamp: Stamp = ()
    """What changes with the file."""

    @property
    def name(self) -> str:
        """The path as messages show it."""
        return "<bytes>" if self.path is None else printable_path(self.path)


@dataclass(frozen=True)
class _Plan:
    """What is read: settled from header and length."""

    header: Header
    slots: tuple[Slot, ...]
    size: int

    def held(self, slot: Slot) -> int:
        """How many values of the array the file really has."""
        values = (self.size - self.header.size) // VALUE_BYTES
        return max(0, min(slot.values, values - slot.offset))

    @property
    def unfilled(self) -> list[Slot]:
        """The slots that the file does not fill."""
        return [slot for slot in self.slots if self.held(slot) < slot.values]


@contextmanager
def _opened(source: Source) -> Iterator[_File]:
    """The file, which must stay as it is while it is open."""
    if isinstance(source, bytes):
        yield _File(io.BytesIO(source), len(source), None)
        return
    path = os.fspath(source)
    try:
        with _open_regular(path) as stream:
            before = os.fstat(stream.fileno())
            yield _File(stream, before.st_size, path, _stamp(before))
            after = os.fstat(stream.fileno())
    except OSError as problem:
        found = f"cannot read the weights file: {problem.strerror}"
        raise WeightsError(found, "a readable file", "Check its permissions", path=path) from None
    if _stamp(before) != _stamp(after):
        raise _changed(path)


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _open_regular(path: str) -> io.BufferedReader:
    try:
        status = Path(path).stat()
    except FileNotFoundError:
        start = f"Relative paths start at {printable_path(str(Path.cwd()))}"
        remedy = _RIGHT_PATH if Path(path).is_absolute() else start
        raise WeightsError("no such weights file", "", remedy, path=path) from None
    except ValueError:
        expected = "the path of a weights file"
        raise WeightsError("a name that no file can have", expected, _RIGHT_PATH, path=path) from None
    if not stat.S_ISREG(status.st_mode):
        found = "is a directory" if stat.S_ISDIR(status.st_mode) else "is not a regular file"
        raise WeightsError(found, A_WEIGHTS_FILE, "Name the file itself", path=path)
    return Path(path).open("rb")


def _changed(path: str | None) -> WeightsError:
    remedy = "Load it again when the program that writes it has finished"
    return WeightsError("the file changed while it was read", "a file at rest", remedy, path=path)


def _plan(
    file: _File,
    graph: Graph,
    upto: int | None,
    allow_damaged: bool,
    findings: Findings,
    known_sizes: Mapping[str, int],
) -> _Plan:
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
    return _Plan(header, slots, file.size)


def _settled_header_size(
    version: Version, file: _File, graph: Graph, slots: tuple[Slot, ...], findings: Findings
) -> int:
    """16 or 20: by the version, or where Darknet's programs disagree about it by what fits the network."""
    if forks_disagree(version) and file.size in (LONG + total_bytes(slots), LONG + total_bytes(layout(graph))):
        findings.note(f"{file.name}: version {version_text(version)} with a header of {LONG} bytes, as the size shows")
        return LONG
    return header_size(version)


def _accept_rest(file: _File, header: Header, graph: Graph, surplus: int, upto: int, findings: Findings) -> None:
    """With upto= a file may go on: quietly where it is one of the whole network, else with a warning."""
    if file.size == header.size + total_bytes(layout(graph)):
        findings.note(f"{file.name}: the {surplus} bytes for the layers from {upto} on are not read (upto={upto})")
        return
    found = f"the {surplus} bytes after layer {upto - 1} are not those of the next layers"
    warn(findings, DarknetpyWarning(found, "", "They are not read: is the part before them right?", path=file.path))


def _checked_seen(header: Header, path: str | None, findings: Findings) -> int:
    if header.seen <= LARGEST_SEEN[LONG]:
        return header.seen
    warn(findings, DarknetpyWarning(f"{header.seen} pictures seen", "less than 2^63", "Taken as 0", path=path))
    return 0


def _filled_nodes(plan: _Plan) -> dict[int, Node]:
    """The layers that have all of their arrays from the file."""
    there: dict[int, set[str]] = {}
    for slot in plan.slots:
        if plan.held(slot) == slot.values and slot.array.leading is None:
            there.setdefault(slot.node.index, set()).add(slot.array.name)
    nodes = {slot.node.index: slot.node for slot in plan.slots}
    names = {index: {array.name for array in node.arrays} for index, node in nodes.items()}
    return {index: node for index, node in nodes.items() if there.get(index) == names[index]}


def _read_later(path: Path, stamp: Stamp, plan: _Plan, node: Node, seed: int) -> dict[str, np.ndarray]:
    """All arrays of a layer from a file that was looked at before."""
    with _opened(path) as file:
        if file.stamp != stamp:
            found = "the file has changed since it was loaded"
            raise WeightsError(found, "the file as it was", "Load the network again", path=path)
        own = [slot for slot in plan.slots if slot.node is node]
        return {slot.array.name: _read_array(file, plan, slot, seed, Plausibility()) for slot in own}


def _look_at(file: _File, plan: _Plan, slot: Slot, plausibility: Plausibility) -> None:
    """Read one array's values, and keep none."""
    piece = np.empty(min(PIECE_VALUES, slot.values), np.float32)
    file.stream.seek(plan.header.size + VALUE_BYTES * slot.offset)
    for start in range(0, slot.values, PIECE_VALUES):
        part = piece[: slot.values - start]
        _fill(part, file)
        plausibility.take(slot, part)


def _read_array(file: _File, plan: _Plan, slot: Slot, seed: int, plausibility: Plausibility) -> np.ndarray:
    """One array in the shape that the layer declares; a matrix that the file holds turned takes a second copy."""
    array, turned, held = slot.array, slot.turned(plan.header.transposed), plan.held(slot)
    complete = held == slot.values and array.leading is None
    values = empty_floats(array.shape) if complete else _beginning(slot.node, array, seed)
    part = values[: array.leading]
    matrix = part.reshape(len(part), -1)
    block = np.ascontiguousarray(matrix.T) if turned else matrix
    file.stream.seek(plan.header.size + VALUE_BYTES * slot.offset)
    for start in range(0, held, PIECE_VALUES):
        piece = block.reshape(-1)[start : min(start + PIECE_VALUES, held)]
        _fill(piece, file)
        plausibility.take(slot, piece)
    if turned:
        matrix[...] = block.T
    return values


def _fill(piece: np.ndarray, file: _File) -> None:
    """Read little-endian values into a one-dimensional contiguous array."""
    if file.stream.readinto(piece.data) < piece.nbytes:
        raise _changed(file.path)
    if sys.byteorder == "big":
        piece.byteswap(inplace=True)


def _beginning(node: Node, array: Array, seed: int) -> np.ndarray:
    """What an array holds where no file fills it: a copy of its present values, or its initial ones."""
    present = node.weights.get(array.name)
    return initialize(node, array, seed) if present is None else present.copy()


def _note_unfilled(graph: Graph, plan: _Plan, file: _File, upto: int | None, findings: Findings) -> None:
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
