"""Files that Darknet's own programs wrote: read whole, and saved again byte for byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.dialect import dialect_named
from darknetpy.errors import Findings
from darknetpy.graph import Graph, build_graph
from darknetpy.weights.reader import LoadReport, read_weights
from darknetpy.weights.writer import write_weights
from tests.golden.reader import Case, case_names

REFUSED = ("header_long_file", "header_short_file", "act_unknown_name")
"""Cases whose cfg, or whose weights file for it, is an error here."""
WITH_WEIGHTS = [name for name in case_names() if Case(name).weights and name not in REFUSED]


def graph_of_case(case: Case, folder: Path) -> Graph:
    for name, text in case.about.get("files", {}).items():
        (folder / name).write_text(text)
    return build_graph(parse_cfg(case.cfg, str(folder / "net.cfg")), dialect=dialect_named(case.dialect))


def saved_again(graph: Graph, report: LoadReport, path: Path) -> bytes:
    write_weights(path, graph, seen=report.seen, version=report.version, header_bytes=report.header_bytes)
    return path.read_bytes()


@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_recorded_weights_are_saved_again_byte_for_byte(name: str, tmp_path: Path) -> None:
    case = Case(name)
    graph = graph_of_case(case, tmp_path)
    report = read_weights(case.weights or b"", graph)
    assert report.bytes == report.header_bytes + 4 * report.parameters
    assert saved_again(graph, report, tmp_path / "again.weights") == case.weights


def test_there_are_recorded_weights_of_every_form() -> None:
    headers = {(Case(name).weights or b"")[:12] for name in WITH_WEIGHTS}
    assert {np.frombuffer(header, "<i4").tolist()[0] for header in headers} == {0, 1001}
    assert len(headers) == 4  # 0.1.0, 0.2.0, 0.2.5, 1001.0.0


@pytest.mark.parametrize(
    ("name", "version", "header_bytes", "seen"),
    [
        ("tiny", (0, 1, 0), 16, 0x0C350000),
        ("cifar_small", (0, 2, 0), 20, 0x3E800),
        ("mnist_lenet", (0, 2, 0), 20, 0x36EF00),
    ],
)
def test_real_models_fit_to_the_byte(
    shared: Path, tmp_path: Path, name: str, version: tuple[int, int, int], header_bytes: int, seen: int
) -> None:
    folder, findings = shared / "data" / "models" / name, Findings()
    graph = build_graph(parse_cfg((folder / f"{name}.cfg").read_text()))
    report = read_weights(folder / f"{name}.weights", graph, findings=findings)
    assert (report.version, report.header_bytes, report.seen) == (version, header_bytes, seen)
    assert report.parameters == graph.parameters
    assert findings.warnings == []
    assert saved_again(graph, report, tmp_path / "again.weights") == (folder / f"{name}.weights").read_bytes()
