"""Everything darknetpy complains about: the exception tree, warnings, and the one place that turns fields into text.

DarknetpyError          something the user can mend; a ValueError
├── ConfigError         a .cfg, .data or .names file, or an option in it
├── WeightsError        a .weights file, or its fit with the network
├── ImageError          a picture, from a file or as an array
├── DataError           lists, labels and folders of pictures
└── TrainingError       a training that cannot start or go on
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable

MAXIMUM_QUOTED = 80  # characters of somebody else's text in one message


class _Report(Exception):
    """The fields that errors and warnings share, and the one grammar of their text:

    ``PATH:LINE:COLUMN: [section] layer N: FOUND, expected EXPECTED. REMEDY.``
    """

    def __init__(
        self,
        found: str,
        expected: str = "",
        remedy: str = "",
        *,
        path: str | os.PathLike[str] | None = None,
        line: int | None = None,
        column: int | None = None,
        section: str | None = None,
        layer: int | None = None,
        option: str | None = None,
    ) -> None:
        self.found, self.expected, self.remedy = found, expected, remedy
        self.path = None if path is None else os.fspath(path)
        self.line, self.column, self.section, self.layer, self.option = line, column, section, layer, option
        super().__init__(self._text())

    def _text(self) -> str:
        place = ":".join(
            part
            for part in (
                printable(self.path, limit=None) if self.path is not None else "",
                str(self.line or ""),
                str((self.line and self.column) or ""),
            )
            if part
        )
        where = f"{place}: " if place else ""
        if self.section is not None:
            where += f"[{printable(self.section)}] "
        if self.layer is not None:
            where += f"layer {self.layer}"
        where = f"{where.rstrip()}: " if self.section is not None or self.layer is not None else where
        text = f"{self.found}, expected {self.expected}." if self.expected else f"{self.found}."
        if self.remedy:
            text += f" {self.remedy}" + ("" if self.remedy.endswith("?") else ".")
        return where + text

    def fields(self) -> dict[str, str | int | None]:
        """The fields by name, for ``--json`` output."""
        names = ("found", "expected", "remedy", "path", "line", "column", "section", "layer", "option")
        return {name: getattr(self, name) for name in names}

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.fields())


def _rebuild(cls: type[_Report], fields: dict[str, str | int | None]) -> _Report:
    """Pickled errors come back from worker processes with their fields."""
    return cls(**fields)  # type: ignore[arg-type]  # the fields came from the same class


class DarknetpyError(_Report, ValueError):
    """Something the user can mend.

    Attributes: ``found``, ``expected``, ``remedy`` (texts), ``path``, ``line`` and ``column`` (1-based), ``section``
    (without brackets), ``layer`` (index as Darknet counts), ``option``; each is None where it does not apply.

    >>> print(ConfigError("size=0", "a whole number", "Write size=2", path="a.cfg", line=7, section="maxpool", layer=3))
    a.cfg:7: [maxpool] layer 3: size=0, expected a whole number. Write size=2.
    """


class ConfigError(DarknetpyError):
    """A .cfg, .data or .names file, or an option in it, cannot be used."""


class WeightsError(DarknetpyError):
    """A .weights file cannot be used, or does not fit the network."""


class ImageError(DarknetpyError):
    """A picture cannot be read, or does not fit the network."""


class DataError(DarknetpyError):
    """A list, label file or folder of pictures cannot be used."""


class TrainingError(DarknetpyError):
    """A training cannot start or go on."""


class DarknetpyWarning(_Report, UserWarning):
    """Something that looks like a mistake but has a usable meaning; the same fields as an error."""


class Findings:
    """Collects what is found while files are read: errors, warnings and quiet notes.

    By default the first error is raised. With ``collect=True`` errors are gathered instead, so that ``check`` can list
    them all. With ``strict=True`` a warning counts as an error of class ``error_class``.
    """

    def __init__(self, *, collect: bool = False, strict: bool = False) -> None:
        self.collect, self.strict = collect, strict
        self.errors: list[DarknetpyError] = []
        self.warnings: list[DarknetpyWarning] = []
        self.notes: list[str] = []

    def error(self, error: DarknetpyError) -> None:
        """Raise the error, or keep it when collecting."""
        if not self.collect:
            raise error
        self.errors.append(error)

    def warning(self, warning: DarknetpyWarning, error_class: type[DarknetpyError] = ConfigError) -> None:
        """Keep the warning; in strict mode it is an error of ``error_class``."""
        if self.strict:
            fields = warning.fields()
            self.error(error_class(**fields))  # type: ignore[arg-type]  # the same fields by construction
        else:
            self.warnings.append(warning)

    def note(self, text: str) -> None:
        """Keep a quiet remark: no mistake, but good to know."""
        self.notes.append(text)


def printable(text: object, limit: int | None = MAXIMUM_QUOTED) -> str:
    """Text from files or arguments, safe for a terminal: control characters escaped, cut at ``limit`` characters.

    >>> printable("a" + chr(27) + "[2J")
    'a\\\\x1b[2J'
    """
    full = str(text)
    cut = full if limit is None or len(full) <= limit else full[:limit]
    safe = "".join(
        character if character.isprintable() else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in cut
    )
    return safe if len(cut) == len(full) else f"{safe}... ({len(full)} characters)"


def nearest(name: str, known: Iterable[str], count: int = 1) -> list[str]:
    """The known names most like ``name``, best first; empty when none is near."""
    folded = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name[:MAXIMUM_QUOTED].lower(), folded, n=count, cutoff=0.6)
    return [folded[match] for match in near]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``Did you mean X?`` as a remedy without its full stop, or an empty text."""
    near = nearest(name, known)
    return f"Did you mean {near[0]}?" if near else ""
