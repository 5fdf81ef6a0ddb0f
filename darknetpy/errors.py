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
MAXIMUM_PART = 250  # characters of what was found, of what was expected, and of the remedy
MAXIMUM_PATH = 200  # characters of a path in a message; the field keeps all of it
MAXIMUM_KEPT = 1000  # errors, and warnings, that are worth keeping of one reading


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
        self.path = None if path is None else os.fsdecode(path)
        self.line, self.column, self.section, self.layer, self.option = line, column, section, layer, option
        super().__init__(self._text())

    def _text(self) -> str:
        place = ":".join(
            part
            for part in (
                printable_path(self.path) if self.path is not None else "",
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
        found, expected, remedy = (printable(part, MAXIMUM_PART) for part in (self.found, self.expected, self.remedy))
        text = f"{found}, expected {expected}." if expected else f"{found}."
        if remedy:
            text += f" {remedy}" + ("" if remedy.endswith("?") else ".")
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
    them all, until there are ``MAXIMUM_KEPT``: one more is raised. With ``strict=True`` a warning counts as an error of
    class ``error_class``. Of very many warnings the first are kept, and the last of these says so.
    """

    def __init__(self, *, collect: bool = False, strict: bool = False) -> None:
        self.collect, self.strict = collect, strict
        self.errors: list[DarknetpyError] = []
        self.warnings: list[DarknetpyWarning] = []
        self.notes: list[str] = []

    def error(self, error: DarknetpyError) -> None:
        """Raise the error, or keep it when collecting."""
        if not self.collect or len(self.errors) >= MAXIMUM_KEPT:
            raise error
        self.errors.append(error)

    def warning(self, warning: DarknetpyWarning, error_class: type[DarknetpyError] = ConfigError) -> None:
        """Keep the warning; in strict mode it is an error of ``error_class``."""
        if self.strict:
            fields = warning.fields()
            self.error(error_class(**fields))  # type: ignore[arg-type]  # the same fields by construction
        elif len(self.warnings) < MAXIMUM_KEPT - 1:
            self.warnings.append(warning)
        elif len(self.warnings) < MAXIMUM_KEPT:
            remedy = "Mend the ones shown first"
            more = DarknetpyWarning("more warnings follow, which are not shown", "", remedy, path=warning.path)
            self.warnings.append(more)

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


def printable_path(path: str) -> str:
    """A path, safe for a terminal; of a very long one its beginning and its end.

    >>> printable_path("my nets/yolo.cfg")
    'my nets/yolo.cfg'
    """
    if len(path) > MAXIMUM_PATH:
        path = f"{path[: MAXIMUM_PATH // 4]}...{path[-MAXIMUM_PATH * 3 // 4 :]}"
    return printable(path, limit=None)


def nearest(name: str, known: Iterable[str], count: int = 1) -> list[str]:
    """The known names most like ``name``, best first; empty when none is near."""
    folded = {candidate.lower(): candidate for candidate in known}
    near = difflib.get_close_matches(name[:MAXIMUM_QUOTED].lower(), folded, n=count, cutoff=0.6)
    return [folded[match] for match in near]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``Did you mean X?`` as a remedy without its full stop, or an empty text."""
    near = nearest(name, known)
    return f"Did you mean {near[0]}?" if near else ""
