"""Names of classes: one a line. Source of the format: AlexeyAB/darknet src/data.c, get_labels."""

from __future__ import annotations

import os

from darknetpy.config.text import read_text
from darknetpy.errors import ConfigError, DarknetpyWarning, Findings, printable, printable_path


def read_names(path: str | bytes | os.PathLike[str], findings: Findings | None = None) -> list[str]:
    """The class names of a .names (or .list) file, in order.

    Blank lines at the end do not count; one in the middle keeps its number and is called ``class_<number>``. Names are
    given as they stand, quotes and terminal sequences included: whoever shows them escapes them. Raises ConfigError for
    a file that is missing, empty or not text; odd contents are warned about.

    >>> read_names("coco.names")[:3]  # doctest: +SKIP
    ['person', 'bicycle', 'car']
    """
    findings = findings or Findings()
    text = read_text(path, "file of class names", controls_allowed=True)
    lines = [line.strip() for line in text.lines]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise ConfigError(
            "no class names in the file", "one name a line", "Write the names of the classes", path=text.path
        )
    if text.encoding == "latin-1":
        findings.warning(DarknetpyWarning("Latin-1 text", "UTF-8", "Save the file as UTF-8", path=text.path))
    first_line: dict[str, int] = {}
    for number, name in enumerate(lines, 1):
        if not name:
            remedy = f"This class is called class_{number - 1}"
            findings.warning(DarknetpyWarning("a blank line", "a class name", remedy, path=text.path, line=number))
            lines[number - 1] = f"class_{number - 1}"
        elif name in first_line:
            found = f"{printable(name)} stands here and in line {first_line[name]}"
            remedy = "Answers with these names cannot be told apart"
            findings.warning(DarknetpyWarning(found, "names that differ", remedy, path=text.path, line=number))
        first_line.setdefault(name, number)
    return lines


def fit_names(
    names: list[str], classes: int, path: str | None, cfg_path: str | None, findings: Findings, *, exact: bool = False
) -> list[str]:
    """Exactly ``classes`` names: too few raise ConfigError, too many are warned about (an error when ``exact``)."""
    if len(names) == classes:
        return names
    network = f"the {classes} classes of {printable_path(cfg_path)}" if cfg_path else f"{classes} classes"
    found, expected = f"{len(names)} class name{'s' if len(names) != 1 else ''}", f"one for each of {network}"
    if len(names) < classes or exact:
        remedy = "Give the names of the classes that it was trained with, one a line"
        raise ConfigError(found, expected, remedy, path=path)
    findings.warning(DarknetpyWarning(found, expected, f"The first {classes} are used", path=path))
    return names[:classes]
