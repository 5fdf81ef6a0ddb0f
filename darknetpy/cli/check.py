"""``darknetpy check``: all mistakes of a cfg in one run, and of the files that go with it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darknetpy.cli import terminal
from darknetpy.cli.arguments import Parser, add_cfg, add_dialect, add_strict
from darknetpy.errors import DarknetpyError, Findings, printable

if TYPE_CHECKING:
    from darknetpy.config.sections import Cfg
    from darknetpy.graph import Graph

_DESCRIPTION = """\
List all mistakes in a cfg: errors, warnings and notes, each
with its place. If the cfg is right, also what is wrong with
the names of classes beside it, and with WEIGHTS. Exit code
1 if there are errors."""
_EXAMPLES = """\
examples:
  darknetpy check my.cfg
  darknetpy check my.cfg my.weights --strict
  darknetpy check my.cfg --json

JSON: {"network", "weights", "findings": [{"kind": "error",
"warning" or "note", "message", "found", "expected",
"remedy", "path", "line", "column", "section", "layer",
"option"}, ...], "errors", "warnings"}"""


def add_arguments(parser: Parser) -> None:
    """Declare what the command takes."""
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    parser.usage = f"{parser.prog} [OPTION...] CFG [WEIGHTS]"
    add_cfg(parser)
    parser.add_argument("weights", metavar="WEIGHTS", nargs="?", help="a .weights file that shall fit the cfg")
    parser.add_argument("--names", metavar="FILE", help="names of the classes [those beside CFG]")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    add_dialect(parser)
    add_strict(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print what is found; 1 if there are errors, else 0."""
    findings = Findings(collect=True, strict=arguments.strict)
    graph = _check(arguments, findings)
    if arguments.json:
        terminal.answer(_json(arguments, findings))
    else:
        for kind, message, _ in _listed(findings):
            terminal.answer(f"{kind}: {message}")
        terminal.answer(f"{printable(arguments.cfg, limit=None)}: {_verdict(findings, graph)}")
    return 1 if findings.errors else 0


def _check(arguments: argparse.Namespace, findings: Findings) -> Graph | None:
    """Look at everything; the graph, if the cfg gives one."""
    from darknetpy.config.sections import read_cfg
    from darknetpy.config.shipped import find_cfg, find_weights
    from darknetpy.dialect import dialect_named
    from darknetpy.graph import check_graph
    from darknetpy.weights.reader import read_weights

    try:
        cfg = read_cfg(find_cfg(arguments.cfg), findings)
    except DarknetpyError as error:
        _add(findings, error)
        return None
    graph = check_graph(cfg, findings, dialect=dialect_named(arguments.dialect))
    if graph is None or findings.errors:
        if arguments.weights:
            findings.note(f"{printable(arguments.weights, limit=None)} is not checked before the cfg is right")
        return graph
    _check_names(arguments.names, cfg, graph, findings)
    if arguments.weights:
        try:
            read_weights(find_weights(arguments.weights), graph, findings=findings)
        except DarknetpyError as error:
            _add(findings, error)
    return graph


def _check_names(given: str | None, cfg: Cfg, graph: Graph, findings: Findings) -> None:
    from darknetpy.config.names import fit_names, read_names
    from darknetpy.config.shipped import names_beside

    path = given or names_beside(Path(cfg.path or ""))
    if path is None:
        findings.note("no names of classes: classes are called class_0, class_1, ...")
        return
    try:
        fit_names(read_names(path, findings), graph.classes, str(path), cfg.path, findings)
    except DarknetpyError as error:
        _add(findings, error)


def _add(findings: Findings, error: DarknetpyError) -> None:
    """Keep an error that ended something, unless it is there already."""
    if error not in findings.errors:
        findings.errors.append(error)


def _listed(findings: Findings) -> list[tuple[str, str, dict[str, Any]]]:
    """Kind, message and fields of everything, line by line for each kind."""
    listed = [
        (kind, str(report), report.fields())
        for kind, reports in (("error", findings.errors), ("warning", findings.warnings))
        for report in sorted(reports, key=lambda report: report.line or 0)
    ]
    empty = dict.fromkeys(DarknetpyError("").fields())
    return listed + [("note", note, {**empty, "found": note}) for note in findings.notes]


def _verdict(findings: Findings, graph: Graph | None) -> str:
    """The last line: what the network is, or how much is wrong."""
    counts = [
        f"{len(reports)} {kind}{'' if len(reports) == 1 else 's'}"
        for kind, reports in (("error", findings.errors), ("warning", findings.warnings))
        if reports
    ]
    if graph is None or findings.errors:
        return ", ".join(counts)
    return ", ".join(["ok", f"{len(graph.nodes)} layers", f"{graph.parameters:,} parameters", *counts])


def _json(arguments: argparse.Namespace, findings: Findings) -> str:
    document = {
        "network": arguments.cfg,
        "weights": arguments.weights,
        "findings": [{"kind": kind, "message": message, **fields} for kind, message, fields in _listed(findings)],
        "errors": len(findings.errors),
        "warnings": len(findings.warnings),
    }
    return json.dumps(document, indent=1)
