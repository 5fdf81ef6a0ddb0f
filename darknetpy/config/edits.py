"""Changes to single lines of a cfg: all other bytes stay as they are, comments, blanks and line ends included."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from darknetpy.config.sections import Cfg, Section, parse_cfg
from darknetpy.errors import printable

_BEFORE_NOTE = re.compile(r"[^#;]*[^#;\s]")
_BYTES = "latin-1"  # a character for each byte: options and numbers are ASCII in every encoding that a cfg can have


@dataclass(frozen=True)
class Edit:
    """A new value for an option of a section, None to delete its line; and the reason."""

    section: Section
    option: str
    value: str | None
    reason: str

    @property
    def line(self) -> int:
        """The line of the option; that of the section where it is not written yet."""
        return self.section.lines.get(self.option, self.section.line)

    @property
    def changes_something(self) -> bool:
        """Whether the text says otherwise."""
        return self.section.values.get(self.option) != self.value

    def __str__(self) -> str:
        """What happens to which line and why, in one line.

        >>> cfg = parse_cfg("[net]\\ninputs=4\\n[connected]\\noutput=2\\n")
        >>> str(Edit(cfg.layers[0], "output", "3", "one value for each class"))
        'line 4: output=3 (was 2): one value for each class'
        """
        was = self.section.values.get(self.option)
        if self.value is None:
            return f"line {self.line}: no {self.option}= (was {printable(was)}): {self.reason}"
        before = "not written" if was is None else f"was {printable(was)}"
        return f"line {self.line}: {self.option}={self.value} ({before}): {self.reason}"


def edited(cfg: Cfg, edits: Iterable[Edit]) -> Cfg:
    """The cfg with these changes. An option that is not written yet gets a line below the name of its section."""
    text = bytes(cfg).decode(_BYTES)
    lines = _lines(text)
    for edit in sorted(edits, key=lambda edit: -edit.line):  # from the end on, so that numbers of lines stay right
        if edit.changes_something:
            _change(lines, edit, text)
    return parse_cfg("".join(lines).encode(_BYTES), cfg.path)


def _change(lines: list[str], edit: Edit, text: str) -> None:
    place, section = edit.line - 1, edit.section
    line = lines[place]
    if edit.value is None:
        del lines[place]
    elif edit.option not in section.values:
        end = line[len(line.rstrip("\r\n")) :]
        new = f"{edit.option}={edit.value}"
        if end:
            lines.insert(place + 1, new + end)
        else:  # the name of the section is all of the last line
            lines[place:] = [line + ("\r\n" if "\r\n" in text else _separator(text)), new]
    else:
        first = section.columns[edit.option] - 1
        written = _BEFORE_NOTE.match(line, first)
        last = written.end() if written else first
        lines[place] = line[:first] + edit.value + line[last:]


def _separator(text: str) -> str:
    """What ends a line: as :class:`darknetpy.config.text.Text` sees it."""
    return "\n" if "\n" in text or "\r" not in text else "\r"


def _lines(text: str) -> list[str]:
    """The lines with their ends."""
    separator = _separator(text)
    lines = [line + separator for line in text.split(separator)]
    lines[-1] = lines[-1].removesuffix(separator)
    return lines if lines[-1] else lines[:-1]


def difference(before: Cfg, after: Cfg, names: tuple[str, str]) -> str:
    """How two cfgs differ, as a unified diff that ``patch`` takes.

    Args:
        names: what the two are called in it.
    """
    old, new = _lines(str(before)), _lines(str(after))
    before_name, after_name = names
    parts = difflib.unified_diff(old, new, before_name, after_name)
    return "".join(part if part.endswith(("\n", "\r")) else f"{part}\n\\ No newline at end of file\n" for part in parts)
