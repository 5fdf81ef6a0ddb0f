"""Darknet's cfg text as sections in order, with line numbers.

Sections repeat their names in a cfg, so the text is rewritten line for line into one that iniconfig accepts (each
section named by its number, notes and blanks taken out) and read by iniconfig: line N of the rewritten text is line N
of the user's file. Rules of the syntax: AlexeyAB/darknet src/option_list.c and src/parser.c (read_cfg).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from iniconfig import IniConfig

from darknetpy.config.text import Text, decode, from_string, read_text
from darknetpy.errors import ConfigError, DarknetpyWarning, Findings, nearest, printable

MAXIMUM_LAYERS = 100_000
MAXIMUM_NAME = 200  # characters of an option's name
FIRST_SECTIONS = ("net", "network")
_BLANKS = str.maketrans("", "", " \t\r")
_LINE_CONTROLS = "\t\r"
_NOTE = re.compile(r"\s[#;].*", re.DOTALL)
_LATER_HEADER = re.compile(r"[#;]+(\[\w+\])")


@dataclass
class Section:
    """One ``[name]`` with its options. ``values`` have their blanks removed, as Darknet does; ``raw`` keeps them.

    ``layer`` is the index that Darknet gives the section's layer, None for [net]; ``lines`` are 1-based.
    """

    name: str
    line: int
    layer: int | None = None
    path: str | None = None
    values: dict[str, str] = field(default_factory=dict)
    raw: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    columns: dict[str, int] = field(default_factory=dict)

    def at(self, option: str | None = None) -> dict[str, Any]:
        """Where the section, or one of its options, stands: keyword arguments for an error or a warning."""
        return {
            "path": self.path,
            "line": self.lines.get(option, self.line) if option else self.line,
            "column": self.columns.get(option) if option else None,
            "section": self.name,
            "layer": self.layer,
            "option": option,
        }


class Cfg:
    """A cfg file: ``sections`` in order, the first is [net]; ``str(cfg)`` is the text, unchanged.

    >>> cfg = parse_cfg("[net]\\ninputs=4\\n\\n[connected]  # the answer\\noutput=2\\n")
    >>> [(section.name, section.line, section.values) for section in cfg.sections]
    [('net', 1, {'inputs': '4'}), ('connected', 4, {'output': '2'})]
    """

    def __init__(self, text: Text, sections: list[Section]) -> None:
        self.path = text.path
        self.sections = sections
        self._text = text

    @property
    def net(self) -> Section:
        """The first section, [net] or [network]."""
        return self.sections[0]

    @property
    def layers(self) -> list[Section]:
        """The sections after [net], one a layer."""
        return self.sections[1:]

    def __str__(self) -> str:
        return self._text.text

    def __bytes__(self) -> bytes:
        return self._text.encode()

    def __iter__(self) -> Iterator[Section]:
        return iter(self.sections)

    def __len__(self) -> int:
        return len(self.sections)


def read_cfg(path: str | bytes | os.PathLike[str], findings: Findings | None = None) -> Cfg:
    """Read a cfg file.

    Raises ConfigError with line and column for text that is not a cfg; warnings and notes go to ``findings``.
    """
    return _parse(read_text(path, "cfg file"), findings or Findings())


def parse_cfg(text: str | bytes, path: str | None = None, findings: Findings | None = None) -> Cfg:
    """The same from text or bytes in memory; ``path`` is used in messages only."""
    decoded = from_string(text, path, "cfg file") if isinstance(text, str) else decode(text, path, "cfg file")
    return _parse(decoded, findings or Findings())


def _parse(text: Text, findings: Findings) -> Cfg:
    rewriter = _Rewriter(text, findings)
    for number, line in enumerate(text.lines, 1):
        rewriter.take(number, line)
    names = rewriter.names
    if not names:
        remedy = "Add a [net] section, then one for each layer"
        raise ConfigError("no section in the file", "[net] as first section", remedy, path=text.path)
    ini = IniConfig(text.path or "<cfg>", data="\n".join(rewriter.out) + "\n")
    sections = [_section(ini, ordinal, name, rewriter) for ordinal, name in enumerate(names)]
    _check_first(sections[0], findings)
    return Cfg(text, sections)


def _section(ini: IniConfig, ordinal: int, name: str, rewriter: _Rewriter) -> Section:
    key = str(ordinal)
    section = Section(name, ini.lineof(key) or 0, ordinal - 1 if ordinal else None, rewriter.path)
    for option, value in ini.sections[key].items():
        line = ini.lineof(key, option) or 0
        section.values[option], section.lines[option] = value, line
        section.raw[option], section.columns[option] = rewriter.places[line]
    return section


def _check_first(section: Section, findings: Findings) -> None:
    if section.name in FIRST_SECTIONS:
        return
    meant = nearest(section.name, FIRST_SECTIONS)
    remedy = f"Write [{meant[0]}]" if meant else "Add a [net] section with width, height and channels in front"
    place = {**section.at(), "layer": None}
    findings.error(ConfigError(f"the first section is [{printable(section.name)}]", "[net]", remedy, **place))


class _Rewriter:
    """Turns the lines of a cfg, one by one, into lines for iniconfig, and refuses what is not cfg syntax."""

    def __init__(self, text: Text, findings: Findings) -> None:
        self.path, self.findings = text.path, findings
        self.out: list[str] = []
        self.names: list[str] = []
        self.places: dict[int, tuple[str, int]] = {}  # line -> the value with its blanks, its column
        self._latin = text.encoding == "latin-1"
        self._first: dict[str, tuple[int, str]] = {}  # options of the section so far: line and text
        self._silenced: list[tuple[int, str]] = []  # headers commented out in the section so far

    def take(self, number: int, line: str) -> None:
        """Append the rewritten form of one line (an empty one where it says nothing to iniconfig)."""
        text = line.translate(_BLANKS)
        if not text or text[0] in "#;":
            self._remember_silenced_header(number, text)
            self.out.append("")
        elif text[0] == "[":
            self.out.append(self._header(number, line))
        else:
            self.out.append(self._option(number, line))

    def _remember_silenced_header(self, number: int, text: str) -> None:
        match = _LATER_HEADER.match(text)
        if match:
            self._silenced.append((number, match.group(1)))

    def _header(self, number: int, line: str) -> str:
        kept = _without_note(line)
        text = kept.translate(_BLANKS)
        name = text[1:-1] if text.endswith("]") else text[1:].split("]")[0]
        if len(self.names) > MAXIMUM_LAYERS:
            found, expected = f"section number {len(self.names) + 1}", f"[net] and at most {MAXIMUM_LAYERS} layers"
            raise ConfigError(found, expected, "Check that this is the right file", path=self.path, line=number)
        self.names.append(name)
        self._first, self._silenced = {}, []
        self._check_characters(number, kept, None)
        if text != f"[{name}]" or "[" in name or "]" in name:
            note = "#" in text or ";" in text
            alone = f"Write [{printable(name.strip('[]')) or 'name'}] on a line of its own"
            remedy = "Put a blank before a note" if note else alone
            self._refuse(number, printable(text), "a section name in brackets, [name]", remedy, whole_line=True)
        elif not name:
            self._refuse(number, "[]", "a section name in the brackets", "Write the name of a section", whole_line=True)
        return f"[{len(self.names) - 1}]"

    def _option(self, number: int, line: str) -> str:
        kept = _without_note(line)
        key, equals, rest = kept.partition("=")
        name, raw = key.translate(_BLANKS), rest.strip()
        value = raw.translate(_BLANKS)
        if not self._check_characters(number, kept, name) or not self._acceptable(number, name, bool(equals), value):
            return ""
        if name in self._first:
            self._warn_repeated(number, name, value)
            return ""
        self._first[name] = (number, value)
        self.places[number] = (raw, len(key) + 2 + len(rest) - len(rest.lstrip()))
        return f"{name}={value}"

    def _check_characters(self, number: int, kept: str, option: str | None) -> bool:
        """Characters that nobody can see are refused outside notes: no-break spaces, foreign line ends, and such."""
        if kept.isascii():
            return True
        if self._latin:
            remedy = "Save the file as UTF-8"
            self.findings.warning(DarknetpyWarning("Latin-1 text", "UTF-8", remedy, **self._at(number, option)))
        for column, character in enumerate(kept, 1):
            if not character.isprintable() and character not in _LINE_CONTROLS:
                found = f"the invisible character {printable(character)}"
                self._refuse(number, found, "text that can be seen", "Delete it", column=column, option=option)
                return False
        return True

    def _acceptable(self, number: int, name: str, has_equals: bool, value: str) -> bool:
        written = f"{printable(name)}={printable(value)}" if has_equals else printable(name)
        if not self.names:
            remedy = "Write [net] above it"
            self._refuse(number, f"{written} before the first section", "[net] first", remedy)
        elif not has_equals:
            self._refuse(number, written, "name=value", "Add = and a value, or put # in front")
        elif not name:
            self._refuse(number, written, "a name before the =", "Write name=value")
        elif len(name) > MAXIMUM_NAME or ":" in name:
            self._refuse(number, f"the name {printable(name)}", "the name of an option", "Write name=value")
        elif not value:
            self._refuse(number, f"{written} without a value", "name=value", "Write a value, or delete the line")
        else:
            return True
        return False

    def _refuse(
        self,
        number: int,
        found: str,
        expected: str,
        remedy: str,
        *,
        column: int | None = None,
        option: str | None = None,
        whole_line: bool = False,
    ) -> None:
        """Report a line; ``whole_line`` for those that belong to no section."""
        place = {"path": self.path, "line": number} if whole_line else self._at(number, option)
        self.findings.error(ConfigError(found, expected, remedy, **{**place, "column": column}))

    def _at(self, number: int, option: str | None = None) -> dict[str, Any]:
        """A line's place, as keyword arguments for an error or a warning."""
        return {
            "path": self.path,
            "line": number,
            "section": self.names[-1] if self.names else None,
            "layer": len(self.names) - 2 if len(self.names) > 1 else None,
            "option": option,
        }

    def _warn_repeated(self, number: int, name: str, value: str) -> None:
        line, first = self._first[name]
        remedy = "The first one counts, as in Darknet; delete the other"
        silenced = [header for header in self._silenced if header[0] > line]
        if silenced:
            place, header = silenced[-1]
            remedy = f"The first one counts. Line {place} comments out {header}: comment out its options too"
        found = f"{printable(name)}={printable(value)} repeats {printable(name)}={printable(first)} of line {line}"
        self.findings.warning(DarknetpyWarning(found, "", remedy, **self._at(number, name)))


def _without_note(text: str) -> str:
    """The text without a ``# note`` or ``; note`` that follows blanks."""
    return _NOTE.sub("", text)
