"""Every classifier among the cfg files of the Darknet forks, against the tables of the C programs.

The cfg files are official ones that stay out of the project, so these tests need the reference material.
"""

from __future__ import annotations

import json
import os
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from darknetpy.config.sections import read_cfg
from darknetpy.dialect import dialect_named
from darknetpy.errors import Findings
from darknetpy.graph import Graph, Node, build_graph
from darknetpy.layers.base import size_of
from darknetpy.layers.connected import Connected
from darknetpy.layers.gru import Gru
from darknetpy.layers.local import Local
from darknetpy.layers.lstm import Lstm
from darknetpy.layers.rnn import Rnn
from darknetpy.weights.layout import layout, total_bytes
from tests.conftest import SHARED

KINDS = {"classifier", "recurrent", "other", "detector"}  # the other ones have convolutions and pools only
UNPRINTED = (Connected, Local, Rnn, Gru, Lstm)
HEADER_BYTES = 20
FLOPS_TOLERANCE = 1e-5  # the C programs add float32 numbers and print six digits


@cache
def table() -> dict[str, dict[str, Any]]:
    """File -> its row, for the networks of these kinds."""
    path = SHARED / "spec" / "zoo.json"
    rows = json.loads(path.read_text())["cfgs"] if path.is_file() else []
    return {row["file"]: row for row in rows if row["kind"] in KINDS}


@pytest.fixture(scope="module", autouse=True)
def _folder_with_the_tree(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The files that a cfg names, where its authors had them: below the current folder."""
    folder, before = tmp_path_factory.mktemp("zoo"), Path.cwd()
    (folder / "data").mkdir()
    shutil.copy(shared / "data" / "zoo" / "labels" / "9k.tree", folder / "data")
    os.chdir(folder)
    yield
    os.chdir(before)


@cache
def graph_of(file: str) -> Graph:
    dialect = dialect_named(file.split("/")[0])
    return build_graph(read_cfg(SHARED / "data" / "zoo" / file), dialect=dialect, findings=Findings())


def every_layer(file: str) -> list[tuple[Node, list[Any]]]:
    return list(zip(graph_of(file).nodes, table()[file]["layers"], strict=True))


pytestmark = pytest.mark.parametrize("file", list(table()) or ["absent"])


def test_types_and_shapes(file: str) -> None:
    for node, (kind, width, height, channels, *_) in every_layer(file):
        assert node.type.lower() == kind
        if width and height:
            assert node.output_shape == (channels, height, width), f"layer {node.index}"
        else:
            assert size_of(node.output_shape) == channels, f"layer {node.index}"


def test_parameters_and_bytes_of_the_weights_file(file: str) -> None:
    assert [node.parameters for node, _ in every_layer(file)] == [row[4] for _, row in every_layer(file)]
    assert graph_of(file).parameters == table()[file]["params"]
    assert HEADER_BYTES + total_bytes(layout(graph_of(file))) == table()[file]["weights_bytes"]


def test_flops(file: str) -> None:
    for node, row in every_layer(file):
        if row[5] > 0:
            assert node.flops == pytest.approx(row[5] * 1e9, rel=FLOPS_TOLERANCE), f"layer {node.index} [{node.type}]"
    graph = graph_of(file)
    unprinted = sum(node.flops for node in graph.nodes if isinstance(node.layer, UNPRINTED))  # 0 in C
    assert graph.flops - unprinted == pytest.approx(table()[file]["bflops"] * 1e9, rel=FLOPS_TOLERANCE, abs=0.0006e9)
