"""Which classes a picture shows, by its path: Darknet's rule, and a stricter one that comes first.

Source of the rule: AlexeyAB/darknet src/data.c, fill_truth (a label is true where the path contains it).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

from darknetpy.errors import ConfigError, DarknetpyWarning, DataError, Findings, printable

SHOWN = 10  # paths that a message names
_SEPARATORS = "[/\\\\]" if os.sep == "\\" else "/"  # of folders
COMPARED = 1000  # paths that are looked at to see whether the two rules agree


class Labels:
    """The labels of all classes, in the order of the classes.

    A class is that of a picture where its label is one of the folders of the path, or the file's name up to the first
    ``_`` or ``.``; where that is true of one class only, nothing else is looked at. Otherwise it is where the path
    contains the label anywhere, as in Darknet.

    Args:
        labels: one for each class.
        path: of the file they come from, for messages.

    Raises ConfigError where there are none, for one that is empty, which every path contains, and for one that is there
    twice.
    """

    def __init__(self, labels: Sequence[str], path: str | None = None) -> None:
        self.labels, self.path = list(labels), path
        if not self.labels:
            raise ConfigError("no labels in the file", "one for each class, one a line", path=path)
        for number, label in enumerate(self.labels, 1):
            if not label:
                remedy = "Write a label, or delete the line"
                found = "an empty label, which every path contains"
                raise ConfigError(found, "a label", remedy, path=path, line=number)
        self._numbers = {label: number for number, label in enumerate(self.labels)}
        if len(self._numbers) < len(self.labels):
            twice = next(label for label in self.labels if self.labels.count(label) > 1)
            raise ConfigError(f"the label {printable(twice)} twice", "labels that differ", path=path)

    def __len__(self) -> int:
        return len(self.labels)

    def in_parts(self, path: str) -> list[int]:
        """The classes whose labels are a folder of the path, or what its file's name begins with."""
        *folders, name = re.split(_SEPARATORS, path)
        beginning = name.replace(".", "_").partition("_")[0]
        return sorted(self._numbers[part] for part in {*folders, beginning} if part in self._numbers)

    def anywhere(self, path: str) -> list[int]:
        """The classes whose labels the path contains."""
        return [number for number, label in enumerate(self.labels) if label in path]

    def of(self, path: str) -> list[int]:
        """The classes of a picture."""
        strict = self.in_parts(path)
        return strict if len(strict) == 1 else self.anywhere(path)

    def of_all(self, paths: Sequence[str], findings: Findings, *, several: bool = False) -> list[tuple[int, ...]]:
        """The classes of each picture; with ``several`` all whose labels its path contains.

        Raises DataError where a picture has none, or more than one unless ``several`` are allowed. Where the two rules
        disagree a warning says so, once.
        """
        known: dict[tuple[int, ...], tuple[int, ...]] = {}  # one object for all pictures of the same classes
        found = []
        for path in paths:
            classes = tuple(self.anywhere(path) if several else self.of(path))
            found.append(known.setdefault(classes, classes))
        self._require_one(paths, found, several)
        self._compare_rules(paths, found, findings)
        return found

    def _require_one(self, paths: Sequence[str], found: list[tuple[int, ...]], several: bool) -> None:
        without = [path for path, classes in zip(paths, found, strict=True) if not classes]
        if without:
            expected = "one of them in the path of each"
            remedy = f"Check the labels, or name the folder of pictures: {_examples(without)}"
            raise DataError(f"no label for {len(without)} of {len(paths)} pictures", expected, remedy, path=self.path)
        doubtful = [(path, classes) for path, classes in zip(paths, found, strict=True) if len(classes) > 1]
        if doubtful and not several:
            path, classes = doubtful[0]
            names = " and ".join(printable(self.labels[number]) for number in classes[:3])
            remedy = "Put each class in a folder named as its label, or write multi_label=1 in the .data file"
            counted = f"{len(doubtful)} of {len(paths)} pictures have several labels: {names} in {printable(path)}"
            raise DataError(counted, "one label for each picture", remedy, path=self.path)

    def _compare_rules(self, paths: Sequence[str], found: list[tuple[int, ...]], findings: Findings) -> None:
        for path, classes in zip(paths[:COMPARED], found, strict=False):
            others = tuple(self.anywhere(path))
            if others != classes:
                names = ", ".join(printable(self.labels[number]) for number in others)
                found_text = f"{printable(path)} contains {names}"
                expected = f"{printable(self.labels[classes[0]])} alone, which names its folder or begins its name"
                remedy = "The latter is taken; Darknet takes all"
                findings.warning(DarknetpyWarning(found_text, expected, remedy, path=self.path))
                return


def _examples(paths: Sequence[str]) -> str:
    shown = ", ".join(printable(path) for path in paths[:SHOWN])
    return shown if len(paths) <= SHOWN else f"{shown}, ..."


def numbers_of(names: Sequence[str], written: str) -> Iterator[int]:
    """The classes that a list such as ``cat,dog`` or ``3,5`` means; ValueError for one that there is not."""
    for part in (part.strip() for part in written.split(",")):
        if part in names:
            yield names.index(part)
        elif part.isdecimal() and int(part) < len(names):
            yield int(part)
        else:
            raise ValueError(part)
