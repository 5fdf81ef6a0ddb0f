"""The pictures of a training or a validation, and the classes that each of them shows.

What names them is a ``.data`` file of Darknet's, or simply a folder with one folder for each class.
Source: AlexeyAB/darknet src/classifier.c and src/data.c.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from darknetpy.config.data_file import DataFile, read_data
from darknetpy.config.names import read_names
from darknetpy.config.text import read_text
from darknetpy.errors import ConfigError, DarknetpyWarning, DataError, Findings, printable, printable_path
from darknetpy.images.sources import expand
from darknetpy.training.labels import Labels, numbers_of
from darknetpy.training.lists import lines_of, place_of
from darknetpy.training.truths import Truths

TRAINING_FOLDERS = ("train", "training")
VALIDATION_FOLDERS = ("valid", "validation", "val", "test")
SHOWN = 10  # missing pictures that are named


@dataclass(frozen=True)
class Samples:
    """Pictures with their classes, in the order of their list.

    Attributes:
        paths: of the pictures.
        classes: the numbers of the classes of each, usually one.
    """

    paths: tuple[str, ...]
    classes: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.paths)

    def truths(self, count: int) -> Truths:
        """What a network with so many classes should say about each: 1 for each of its classes, else 0."""
        return Truths.of(self.classes, count)

    def counts(self, count: int) -> np.ndarray:
        """(count,) int64: how many pictures show each class."""
        return np.bincount([number for numbers in self.classes for number in numbers], minlength=count)

    def part(self, places: Sequence[int]) -> Samples:
        """Some of them, in the order given."""
        return Samples(tuple(self.paths[place] for place in places), tuple(self.classes[place] for place in places))


@dataclass(frozen=True)
class Dataset:
    """Pictures for training and for validation; either can be missing. ``names`` are those of the classes."""

    names: tuple[str, ...]
    training: Samples | None
    validation: Samples | None
    data: DataFile | None = None


def read_dataset(
    data: str | os.PathLike[str],
    *,
    validation: float = 0.0,
    seed: int = 0,
    strict: bool = False,
    findings: Findings | None = None,
) -> Dataset:
    """Find the pictures and their classes.

    Args:
        data: a ``.data`` file, or a folder. A folder has one folder for each class, whose names in sorted order are the
            classes; or folders ``train`` and ``valid`` (``val``, ``test``) that have these, or ``train`` only.
        validation: the part of the training pictures of each class that is kept back for validation, chosen by
            ``seed``; where there are pictures for validation of their own it must be 0.
        strict: a picture that is missing is an error; otherwise it is left out with a warning.

    Raises ConfigError or DataError, with the file and the line, for whatever does not fit together.

    >>> read_dataset("animals").names  # doctest: +SKIP
    ('cat', 'dog')
    """
    findings = findings or Findings()
    if not 0 <= validation < 1:
        raise ValueError(f"validation={validation!r}, expected a part from 0 to below 1")
    if Path(data).is_dir():
        found = Dataset(*_of_folder(Path(data)))
    else:
        found = _of_data_file(read_data(data, findings), strict, findings)
    if validation == 0 or found.training is None:
        return found
    if found.validation is not None:
        expected = "no part of the training pictures for it"
        raise DataError("pictures for validation of their own", expected, "Leave validation out", path=data)
    training, kept_back = split(found.training, validation, seed)
    return Dataset(found.names, training, kept_back, found.data)


def read_validation(
    data: str | os.PathLike[str], *, strict: bool = False, findings: Findings | None = None
) -> tuple[Dataset, Samples]:
    """Find the pictures to validate on only, and their classes: a dataset without training, and its pictures.

    They are the list ``valid`` of a ``.data`` file, whose training pictures need not be there; the part for validation
    of a folder; or all of a folder that has none. Arguments and what is raised as for `read_dataset`.
    """
    findings = findings or Findings()
    if Path(data).is_dir():
        names, everything, part = _of_folder(Path(data))
        samples = everything if part is None else part
        return Dataset(names, None, samples), samples
    read = read_data(data, findings)
    if "valid" not in read.options.given:
        raise ConfigError("no valid=", "a list of pictures", "Add the line valid = FILE", path=read.path)
    names, lists = _of_lists(read, ("valid",), strict, findings)
    return Dataset(names, None, lists["valid"], read), lists["valid"]


def split(samples: Samples, part: float, seed: int) -> tuple[Samples, Samples]:
    """Two parts, the second with that part of each class (at least one picture of a class that has two).

    Which pictures those are depends on the seed, the class and the number of its pictures only.
    """
    by_class: dict[tuple[int, ...], list[int]] = {}
    for place, numbers in enumerate(samples.classes):
        by_class.setdefault(numbers, []).append(place)
    second: set[int] = set()
    for numbers, places in sorted(by_class.items()):
        count = min(max(round(part * len(places)), 1), len(places) - 1)
        chosen = np.random.default_rng([seed, *numbers]).permutation(len(places))[:count]
        second.update(places[number] for number in chosen)
    first = [place for place in range(len(samples)) if place not in second]
    return samples.part(first), samples.part(sorted(second))


# ---- folders ----


def _of_folder(folder: Path) -> tuple[tuple[str, ...], Samples, Samples | None]:
    """The names of the classes, the pictures for training, and those for validation where there are some."""
    training, validation = _subfolder(folder, TRAINING_FOLDERS), _subfolder(folder, VALIDATION_FOLDERS)
    if training is not None and _folders(folder) == [training] and _folders(training):
        return *_by_folders(training), None
    if training is None or validation is None or not _folders(training):
        return *_by_folders(folder), None
    names, samples = _by_folders(training)
    other_names, others = _by_folders(validation)
    if set(other_names) - set(names):
        extra = sorted(set(other_names) - set(names))[0]
        found = f"a class {printable(extra)} in {validation.name} only"
        raise DataError(found, f"the classes of {training.name}", "Move the folder, or add one to both", path=folder)
    numbers = [names.index(name) for name in other_names]
    moved = tuple(tuple(numbers[number] for number in classes) for classes in others.classes)
    return names, samples, Samples(others.paths, moved)


def _subfolder(folder: Path, names: Sequence[str]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_dir()), None)


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _by_folders(folder: Path) -> tuple[tuple[str, ...], Samples]:
    """A class for each folder."""
    folders = _folders(folder)
    if len(folders) < 2:
        found = f"{len(folders)} folders" if len(folders) != 1 else f"one folder, {printable(folders[0].name)}"
        remedy = "Make a folder for each class and put its pictures there"
        raise DataError(found, "a folder for each of at least two classes", remedy, path=folder)
    paths: list[str] = []
    classes: list[tuple[int, ...]] = []
    for number, place in enumerate(folders):
        found_here = list(expand([place]))
        paths += found_here
        classes += [(number,)] * len(found_here)
    return tuple(place.name for place in folders), Samples(tuple(paths), tuple(classes))


# ---- .data files ----


def _of_data_file(data: DataFile, strict: bool, findings: Findings) -> Dataset:
    names, lists = _of_lists(data, ("train", "valid"), strict, findings)
    if not lists:
        raise ConfigError("no train= and no valid=", "a list of pictures", "Add the line train = FILE", path=data.path)
    if len(lists) == 2 and set(lists["train"].paths) == set(lists["valid"].paths):
        found, expected = "the same pictures in train= and in valid=", "others for the validation"
        remedy = "The accuracy will be that on the training pictures"
        findings.warning(DarknetpyWarning(found, expected, remedy, path=data.path))
    return Dataset(names, lists.get("train"), lists.get("valid"), data)


def _of_lists(
    data: DataFile, wanted: Sequence[str], strict: bool, findings: Findings
) -> tuple[tuple[str, ...], dict[str, Samples]]:
    """The names of the classes, and the pictures of those of the wanted lists that there are."""
    if data.options.tag:
        remedy = "Write lists with lines of path, tab and labels, and delete tag="
        raise ConfigError("tag=1", "lists that name the labels", remedy, path=data.path)
    labels_path = data.file("labels", "names")
    written = [line.strip() for line in read_text(labels_path, "file of labels").lines]
    while written and not written[-1]:
        written.pop()  # blank lines at the end are no labels, those between others are an error
    labels = Labels(written, str(labels_path))
    names = read_names(data.file("names", "labels"), findings)
    if len(names) != len(labels):
        found = f"{len(names)} names for {len(labels)} labels"
        raise ConfigError(found, "one for each", "Check names= and labels=", path=data.path)
    given = [name for name in wanted if name in data.options.given]
    return tuple(names), {name: _listed(data, name, labels, names, strict, findings) for name in given}


def _listed(data: DataFile, name: str, labels: Labels, names: list[str], strict: bool, findings: Findings) -> Samples:
    """The pictures of a list, which can be a folder, too."""
    written = Path(data.options[name])
    beside = Path(os.fspath(data.path or "")).parent / written
    folder = next((place for place in (written, beside) if place.is_dir()), None)
    several = bool(data.options.multi_label)
    if folder is not None:
        paths = list(expand([folder]))
        return Samples(tuple(paths), tuple(labels.of_all(paths, findings, several=several)))
    return _of_list(data.file(name), labels, names, several=several, strict=strict, findings=findings)


def _of_list(
    path: Path, labels: Labels, names: list[str], *, several: bool, strict: bool, findings: Findings
) -> Samples:
    """The pictures that a list names and that are there; their classes by their paths, or behind a tab in all lines."""
    paths: list[str] = []
    explicit: list[tuple[int, ...]] = []
    missing: list[str] = []
    without = 0
    for number, text in lines_of(path):
        written, _, own_labels = text.partition("\t")
        place = place_of(written.strip(), path.parent)
        if place is None:
            missing.append(f"{printable(written)} (line {number})" if len(missing) < SHOWN else "")
            continue
        paths.append(place)
        if own_labels.strip():
            explicit.append(_explicit(number, own_labels.strip(), labels, names, path))
        elif not without:
            without = number
    _report_missing(missing, len(paths) + len(missing), path, strict, findings)
    if explicit and without:
        found, expected = "no labels, where other lines have some", "labels of the .data file, with commas between"
        raise DataError(found, expected, path=path, line=without)
    return Samples(tuple(paths), tuple(explicit or labels.of_all(paths, findings, several=several)))


def _explicit(number: int, text: str, labels: Labels, names: list[str], list_path: Path) -> tuple[int, ...]:
    """The classes that a line of a list names behind a tab."""
    for known in (labels.labels, names):
        try:
            return tuple(numbers_of(known, text))
        except ValueError:
            continue
    expected = "labels of the .data file, with commas between"
    raise DataError(f"labels {printable(text)}", expected, path=list_path, line=number)


def _report_missing(missing: list[str], total: int, path: Path, strict: bool, findings: Findings) -> None:
    if not missing:
        return
    first = ", ".join(missing[:SHOWN])
    found = f"{len(missing)} of {total} pictures are missing: {first}{', ...' if missing[SHOWN:] else ''}"
    if strict or len(missing) == total:
        remedy = f"Paths are looked for in the current folder and in {printable_path(str(path.parent))}"
        raise DataError(found, "pictures that are there", remedy, path=path)
    findings.warning(DarknetpyWarning(found, "", "They are left out", path=path))
