"""Writes weights files that Darknet reads. Source: AlexeyAB/darknet src/parser.c, save_weights_upto.

A saved file belongs to the cfg of its network: what reading skips (``dontload=1``, ``dontloadscales=1``, ...) is not
written. AlexeyAB's program writes those arrays, and then cannot read its own file with the same cfg.
"""

from __future__ import annotations

import os
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import numpy as np

from darknetpy.errors import Findings, WeightsError
from darknetpy.files import check_target, replaced_file
from darknetpy.graph import Graph
from darknetpy.layers.base import shape_text
from darknetpy.weights.arrays_in_file import ArraysInFile
from darknetpy.weights.header import (
    LARGEST_NUMBER,
    LARGEST_SEEN,
    LONG,
    SHORT,
    Header,
    Version,
    forks_disagree,
    header_size,
    is_plausible,
    make_header,
    version_text,
)
from darknetpy.weights.layout import Slot, check_upto, layers_text, layout, total_bytes


def write_weights(
    path: str | os.PathLike[str],
    graph: Graph,
    *,
    seen: int = 0,
    upto: int | None = None,
    version: Version | None = None,
    header_bytes: int | None = None,
    findings: Findings | None = None,
) -> int:
    """Write the arrays of a network to a weights file, which is replaced whole or not at all.

    Args:
        path: the file; its folder must exist. A link is followed. It may be the one that the network was loaded from:
            arrays that still wait in it are read first, and kept.
        graph: layers with ``dontload=1`` or ``dontsave=1`` are left out.
        seen: how many pictures the network was trained with, 0 to 2^63 - 1.
        upto: write the layers before this index only, as Darknet's command ``partial`` does.
        version: three numbers, such as ``LoadReport.version`` to keep the form of a loaded file; by default what the
            program of the dialect writes. Above 1000 the matrices of connected layers are written transposed.
        header_bytes: 16 or 20, where the version does not tell (``LoadReport.header_bytes``).
        findings: receives notes on what is left out.

    Returns:
        The length of the file in bytes.

    Raises:
        WeightsError: the file cannot be written, or the network has no arrays to write. An older file is untouched.
    """
    target = check_target(path, WeightsError)
    check_upto(graph, upto, path)
    header = _header(path, graph, seen, version, header_bytes)
    slots = layout(graph, upto, saving=True)
    for slot in slots:
        _check_array(slot, path)
    _hold_what_waits_in(target, graph)
    with replaced_file(target, path, WeightsError) as file:
        file.write(make_header(header))
        for node, own in groupby(slots, key=attrgetter("node")):
            arrays = node.weights.peek()
            for slot in own:
                file.write(_block(slot, arrays[slot.array.name], header.transposed).data)
    _note_omitted(graph, slots, upto, findings or Findings())
    return header.size + total_bytes(slots)


def _header(
    path: str | os.PathLike[str], graph: Graph, seen: int, version: Version | None, header_bytes: int | None
) -> Header:
    """The header to write; one of 16 bytes that cannot hold the count gives way to the usual form."""
    if not 0 <= seen <= LARGEST_SEEN[LONG]:
        raise WeightsError(f"seen={seen}", f"0 to {LARGEST_SEEN[LONG]}", "Give the number of pictures", path=path)
    usual = Header((0, 2, graph.dialect.saved_revision), seen, LONG)
    if version is None:
        return usual
    if not is_plausible(version):
        found = f"version {version_text(version)}"
        raise WeightsError(found, f"numbers from 0 to {LARGEST_NUMBER}", "Leave it out", path=path)
    allowed = (SHORT, LONG) if forks_disagree(version) else (header_size(version),)
    size = header_size(version) if header_bytes is None else header_bytes
    if size not in allowed:
        found, expected = f"header_bytes={size} for version {version_text(version)}", " or ".join(map(str, allowed))
        raise WeightsError(found, expected, "Leave it out", path=path)
    return Header(version, seen, size) if seen <= LARGEST_SEEN[size] else usual


def _check_array(slot: Slot, path: str | os.PathLike[str]) -> None:
    """Refuse an array that is not there, or has another shape; one that waits in a file has the right one."""
    array, node = slot.array, slot.node
    if array.name in node.weights and array.name not in node.weights.held:
        return
    values = node.weights.get(array.name)
    if values is None or values.shape != array.shape:
        found = f"no {array.name}" if values is None else f"{array.name} of shape {shape_text(values.shape)}"
        remedy = "Load weights first, or make initial ones"
        raise WeightsError(found, shape_text(array.shape), remedy, path=path, section=node.type, layer=node.index)


def _hold_what_waits_in(target: Path, graph: Graph) -> None:
    """Read the arrays that wait in the file that is to be replaced: they would be gone, or found elsewhere in it."""
    for node in graph.nodes:
        source = node.weights.source
        if isinstance(source, ArraysInFile) and source.is_in(target):
            node.weights.hold_all()


def _block(slot: Slot, values: np.ndarray, transposed: bool) -> np.ndarray:
    """The values in file order, little-endian and contiguous; a copy only where it must be."""
    part = values[: slot.array.leading]
    matrix = part.reshape(len(part), -1)
    return np.ascontiguousarray(matrix.T if slot.turned(transposed) else matrix, "<f4")


def _note_omitted(graph: Graph, slots: tuple[Slot, ...], upto: int | None, findings: Findings) -> None:
    written = {(slot.node.index, slot.array.name) for slot in slots}
    nodes = [
        node
        for node in graph.nodes[:upto]
        if any((node.index, array.name) not in written or array.leading is not None for array in node.arrays)
    ]
    if nodes:
        findings.note(f"{layers_text(nodes)}: not written, or not whole, as options say (dontsave=, dontload=, ...)")
