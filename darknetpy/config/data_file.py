"""Darknet's ``.data`` files: which lists, names and folders go with a network.

Lines of ``name = value``; ``#`` and ``;`` begin notes at the start of a line or after a blank. Unlike Darknet, blanks
inside a path stay in it. Source of the names: AlexeyAB/darknet src/detector.c, src/classifier.c and src/option_list.c.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

from darknetpy.config.named_files import find_named_file
from darknetpy.config.options import Kind, Option, read_options
from darknetpy.config.sections import Section
from darknetpy.config.text import Text, read_text
from darknetpy.errors import ConfigError, DarknetpyWarning, Findings, printable, printable_path

EVALUATIONS = ("voc", "coco", "imagenet", "bdd", "kitti")
DATA_OPTIONS = (
    Option("classes", None, "how many classes the network tells apart", minimum=1),
    Option("train", None, "list of the pictures to train on", Kind.PATH),
    Option("valid", None, "list of the pictures to validate on", Kind.PATH),
    Option("test", None, "list of the pictures to classify", Kind.PATH),
    Option("difficult", None, "list of label files whose objects need not be found, one for each of valid", Kind.PATH),
    Option("names", None, "names of the classes, one a line", Kind.PATH),
    Option("labels", None, "what the path of a picture of each class contains, one a line", Kind.PATH),
    Option("leaves", None, "names of the classes that are leaves of a tree", Kind.PATH),
    Option("tree", None, "tree of the classes", Kind.PATH),
    Option("map", None, "numbers of the classes in another list, one a line", Kind.PATH),
    Option("backup", None, "folder for weights while training", Kind.PATH),
    Option("results", "results", "folder for the files of a validation", Kind.PATH),
    Option("top", 1, "among how many best answers the right one counts", minimum=1),
    Option("eval", "voc", "format of the files of a validation", Kind.WORD, choices=EVALUATIONS),
    Option("saveweights", 0, "updates between saved weights; 0 is Darknet's rule", minimum=0),
    Option("savelast", 0, "updates between savings of the last weights; 0 is Darknet's rule", minimum=0),
    Option("multi_label", False, "a picture can show several classes", Kind.FLAG),
    Option("tag", False, "several labels for one picture, from tag files", Kind.FLAG),
)
"""Every name that a ``.data`` file may set."""

_NOTE = re.compile(r"(^|\s)[#;].*", re.DOTALL)
_QUOTES = "\"'"


class _Lines(Section):
    """The lines of a ``.data`` file, read as if they were the options of one section, which has no header to name."""

    def at(self, option: str | None = None) -> dict[str, Any]:
        place = super().at(option)
        return {**place, "section": None, "line": place["line"] or None}


class DataFile:
    """What a ``.data`` file says. ``path`` is its own; ``options`` its values by name, defaults included.

    >>> data = read_data("coco.data")  # doctest: +SKIP
    >>> data.options.classes, data.file("names")  # doctest: +SKIP
    (80, PosixPath('data/coco.names'))
    """

    def __init__(self, lines: Section, findings: Findings) -> None:
        self.path = lines.path
        self.options = read_options(lines, DATA_OPTIONS, findings)
        self._lines = lines

    def file(self, *names: str) -> Path:
        """The file that the first of these names that is set stands for: from the current folder, else from the
        folder of the ``.data`` file.

        Raises ConfigError where none of the names is set, and where there is no such file.

        >>> data.file("names", "labels")  # doctest: +SKIP
        PosixPath('data/coco.names')
        """
        name = self._first_given(*names)
        return find_named_file(self._lines, name, self.options[name], owner=".data file")

    def folder(self, name: str, otherwise: str, findings: Findings) -> Path:
        """The folder for files to be written that a name stands for; it is made if it is not there.

        ``otherwise`` is taken, with a warning, where the name is not set. Raises ConfigError where the folder cannot
        be made or nothing can be written in it, so that this is known before the work and not after it.
        """
        if name not in self.options.given:
            remedy = f"Files go to the folder {printable_path(otherwise)}"
            findings.warning(DarknetpyWarning(f"no {name}=", f"{name}=FOLDER", remedy, path=self.path))
        written = self.options[name] if name in self.options.given else otherwise
        beside = Path(os.fspath(self.path or "")).parent / written
        folder = beside if not Path(written).exists() and beside.is_dir() else Path(written)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as problem:
            found = f"{name}={printable(written)}: nothing can be written there ({problem.strerror})"
            raise ConfigError(found, "a folder", "Name another folder", **self._lines.at(name)) from None
        return folder

    def require_classes(self, classes: int, cfg_path: str | None, findings: Findings) -> None:
        """Raise ConfigError where ``classes=`` differs from the classes of the network; warn where it is not set."""
        network = f" of {printable_path(cfg_path)}" if cfg_path else " of the network"
        if "classes" not in self.options.given:
            expected = f"the {classes} classes{network}"
            findings.warning(DarknetpyWarning("no classes=", expected, f"Add classes={classes}", path=self.path))
        elif self.options.classes != classes:
            found, expected = f"classes={self.options.classes}", f"the {classes} classes{network}"
            remedy = f"Write classes={classes}, or name the cfg that these data are for"
            findings.error(ConfigError(found, expected, remedy, **self._lines.at("classes")))

    def _first_given(self, *names: str) -> str:
        for name in names:
            if name in self.options.given:
                return name
        found = " and ".join(f"no {name}=" for name in names)
        raise ConfigError(found, f"{names[0]}=FILE", f"Add the line {names[0]} = FILE", path=self.path)


def read_data(path: str | os.PathLike[str], findings: Findings | None = None) -> DataFile:
    """Read a ``.data`` file.

    Unknown names are warned about, with the nearest known one. Raises ConfigError, with the line, for a file that is
    missing or not text, a line that is not ``name = value``, a name that is set twice and a bad value.
    """
    findings = findings or Findings()
    text = read_text(path, ".data file")
    lines = _Lines(".data", 0, path=text.path)
    for number, line in enumerate(text.lines, 1):
        _take(line, number, lines, text, findings)
    if not lines.values:
        findings.error(ConfigError("nothing in the file", "lines of name = value", "Write names = FILE", path=path))
    return DataFile(lines, findings)


def _take(line: str, number: int, lines: Section, text: Text, findings: Findings) -> None:
    """Put the name and the value of one line among the others; lines without one say nothing."""
    written = _NOTE.sub("", line).strip()
    if not written:
        return
    name, value = (part.strip() for part in (written.partition("=")[0], written.partition("=")[2]))
    place: dict[str, Any] = {"path": text.path, "line": number}
    if len(value) > 1 and value[0] == value[-1] and value[0] in _QUOTES:
        value = value[1:-1]
    if not name or not value:
        remedy = "Put # in front if it is a note"
        findings.error(ConfigError(printable(written), "name = value", remedy, **place))
    elif name in lines.values:
        found = f"{printable(name)}={printable(value)} repeats {printable(name)}= of line {lines.lines[name]}"
        findings.error(ConfigError(found, "each name once", "Delete one of the two lines", **place, option=name))
    else:
        lines.values[name] = lines.raw[name] = value
        lines.lines[name], lines.columns[name] = number, line.index("=") + 1 + _first_character(line.partition("=")[2])


def _first_character(text: str) -> int:
    """The column of the first character that is no blank."""
    return len(text) - len(text.lstrip()) + 1
