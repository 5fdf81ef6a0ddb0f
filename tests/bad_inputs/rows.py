"""Rows of the catalogue of bad inputs: the text of a cfg, and what must come of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from darknetpy.config.sections import parse_cfg
from darknetpy.errors import ConfigError, DarknetpyWarning, Findings, printable_path
from darknetpy.graph import Graph, build_graph, check_graph

PATH = "net.cfg"
NET = "[net]\nwidth=32\nheight=32\nchannels=3\nbatch=8\nsubdivisions=1\n"
CONVOLUTIONAL = "\n[convolutional]\nfilters=4\nsize=3\nstride=1\npad=1\nactivation=leaky\n"
BASE = NET + CONVOLUTIONAL
TRAINED = NET + "max_batches=100\n" + CONVOLUTIONAL
LAYER_0 = "[convolutional] layer 0"
LAYER_1 = "[convolutional] layer 1"

_GRAMMAR = re.compile(
    r"((?P<path>[^:]+)(:(?P<line>[0-9]+)(:(?P<column>[0-9]+))?)?: )?"
    r"(?P<where>\[.*?\]( layer [0-9]+)?: )?(?P<rest>.+[.?])"
)


@dataclass(frozen=True)
class Row:
    """One input of the catalogue, built as its second column says, and its last column.

    ``at`` is how the line begins that must be named, ``where`` the section and layer, ``option`` the option whose
    value must be pointed at, ``says`` what the message must contain.
    """

    name: str
    text: str | bytes
    at: str = ""
    where: str = ""
    option: str | None = None
    says: tuple[str, ...] = ()
    outcome: str = "error"
    training: bool = False


def net(*lines: str, training: bool = False) -> str:
    """The base cfg with lines of [net] exchanged or added."""
    return _with(NET + ("max_batches=100\n" if training else ""), lines) + CONVOLUTIONAL


def conv(*lines: str) -> str:
    """The base cfg with lines of its layer exchanged or added."""
    return NET + _with(CONVOLUTIONAL, lines)


def then(*sections: str, base: str = BASE) -> str:
    """The base cfg with sections behind it, each as ``[name] option=value option=value``."""
    return base + "".join("\n" + "\n".join(section.split()) + "\n" for section in sections)


def _with(section: str, lines: tuple[str, ...]) -> str:
    for line in lines:
        name = line.split("=")[0]
        section, found = re.subn(rf"(?m)^{re.escape(name)}=.*$", lambda _, line=line: line, section)
        section += "" if found else f"{line}\n"
    return section


def run(text: str | bytes, *, training: bool = False, strict: bool = False) -> tuple[Graph, Findings]:
    """Read and build as a program does: the first error is raised."""
    findings = Findings(strict=strict)
    return build_graph(parse_cfg(text, PATH, findings), findings=findings, training=training), findings


def collected(text: str | bytes, *, training: bool = False) -> Findings:
    """Read and build as ``check`` does: all findings, whatever is wrong."""
    findings = Findings(collect=True)
    try:
        check_graph(parse_cfg(text, PATH, findings), findings, training=training)
    except ConfigError as error:
        findings.errors.append(error)
    return findings


def assert_one_clear_line(problem: ConfigError | DarknetpyWarning) -> None:
    """The grammar of all messages: ``PATH:LINE:COLUMN: [section] layer N: FOUND, expected EXPECTED. REMEDY.``"""
    text = str(problem)
    assert text.isprintable()
    assert len(text) < 400
    match = _GRAMMAR.fullmatch(text)
    assert match, text
    assert match["path"] == (None if problem.path is None else printable_path(problem.path))
    assert (match["line"], match["column"]) == (_digits(problem.line), _digits(problem.column))
    where = "" if problem.section is None else f"[{problem.section}]"
    where += "" if problem.layer is None else f" layer {problem.layer}"
    if where.isprintable() and len(where) < 80:
        assert (match["where"] or "") == (f"{where}: " if where else "")
    expected = f", expected {problem.expected}" if problem.expected else ""
    remedy = f" {problem.remedy}{'' if problem.remedy.endswith('?') else '.'}" if problem.remedy else ""
    assert match["rest"].endswith(f"{expected}.{remedy}"), text
    assert problem.expected or problem.remedy, "neither what is expected nor what to do"


def _digits(number: int | None) -> str | None:
    return None if number is None else str(number)


def assert_points_at(problem: ConfigError | DarknetpyWarning, row: Row) -> None:
    """The message names the row's line, section, layer and option; a column stands where the value begins."""
    lines = _lines(row.text)
    if row.at:
        assert problem.line is not None, str(problem)
        assert lines[problem.line - 1].startswith(row.at), str(problem)
    else:
        assert problem.line is None, str(problem)
    where = "" if problem.section is None else f"[{problem.section}]"
    where += "" if problem.layer is None else f" layer {problem.layer}"
    assert where == row.where, str(problem)
    if row.option is not None:
        assert problem.option == row.option, str(problem)
        line = lines[(problem.line or 0) - 1]
        if problem.column is not None:
            before = line[: problem.column - 1]
            assert re.fullmatch(rf"\s*{re.escape(row.option)}\s*=\s*", before), (before, str(problem))
            assert not line[problem.column - 1].isspace()
        else:
            assert line.startswith("["), "a value is pointed at by its column"
    for words in row.says:
        assert words in str(problem), str(problem)


def _lines(text: str | bytes) -> list[str]:
    decoded = text if isinstance(text, str) else text.decode("latin-1")
    return decoded.removeprefix("\ufeff").removeprefix("\xef\xbb\xbf").split("\n" if "\n" in decoded else "\r")
