"""``darknetpy summary``: the layers of a network in a table."""

from __future__ import annotations

import argparse
import sys

from darknetpy.cli import terminal
from darknetpy.cli.arguments import Parser, add_cfg, add_dialect, add_strict
from darknetpy.errors import Findings

_DESCRIPTION = """\
Show the layers of a network in a table: type, options, the
shape of the output (channels x height x width), parameters,
operations (MFLOPs, a multiply-add counts as 2), and the
receptive field: how much of the picture one value sees
(height x width). A narrow terminal gets fewer columns."""
_EXAMPLES = """\
examples:
  darknetpy summary mnist
  darknetpy summary my.cfg --json
  darknetpy summary my.cfg > layers.txt"""


def add_arguments(parser: Parser) -> None:
    """Declare what the command takes."""
    parser.description, parser.epilog = _DESCRIPTION, _EXAMPLES
    parser.usage = f"{parser.prog} [OPTION...] CFG"
    add_cfg(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document, with all options")
    add_dialect(parser)
    add_strict(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the table; always 0."""
    from darknetpy.config.sections import read_cfg
    from darknetpy.config.shipped import find_cfg
    from darknetpy.dialect import dialect_named
    from darknetpy.graph import build_graph
    from darknetpy.summary import Summary

    findings = Findings(strict=arguments.strict)
    try:
        cfg = read_cfg(find_cfg(arguments.cfg), findings)
        summary = Summary(build_graph(cfg, dialect=dialect_named(arguments.dialect), findings=findings))
    finally:  # a warning is often the reason of an error that follows
        for warning in findings.warnings:
            terminal.warning(str(warning))
        for remark in findings.notes:
            terminal.note(remark)
    if arguments.json:
        terminal.answer(summary.to_json())
    elif sys.stdout is not None and sys.stdout.isatty():
        terminal.answer_in_colour(summary)
    else:
        terminal.answer(str(summary))
    return 0
