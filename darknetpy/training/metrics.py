"""The figures of every iteration in files: a table for spreadsheets (CSV), and one JSON object a line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from darknetpy.errors import DarknetpyWarning, TrainingError
from darknetpy.training.checkpoints import Folder

COLUMNS = ("iteration", "pictures", "loss", "average", "rate", "seconds", "accuracy")
"""Of the CSV file; ``seconds`` the iteration took, ``accuracy`` from 0 to 1 where the network was validated."""
Report = Callable[[DarknetpyWarning], None]


class Metrics:
    """The files ``BASE_metrics.csv`` and ``BASE_metrics.jsonl`` of a training.

    Rows behind iteration ``keep``, and one that was cut short when a program was killed, are taken out first: a
    training that goes on from a saved state writes them again. Where a row cannot be written ``report`` is told, and
    it is written with a later one.

    Raises TrainingError where the files cannot be opened.
    """

    def __init__(self, folder: Folder, keep: int, report: Report) -> None:
        heading = _csv_line(dict(zip(COLUMNS, COLUMNS, strict=True)))
        self._table = _Rows(folder.file("metrics.csv"), heading, _iteration_of_csv, keep, report)
        self._objects = _Rows(folder.file("metrics.jsonl"), b"", _iteration_of_json, keep, report)

    def add(self, row: dict[str, Any]) -> None:
        """Write a row: the ``COLUMNS`` in both files, what else there is in the JSON only."""
        self._table.add(_csv_line(row))
        self._objects.add(json.dumps(row).encode() + b"\n")

    def close(self) -> None:
        """Close both files."""
        self._table.close()
        self._objects.close()


class _Rows:
    """A file of lines, each with the number of an iteration. Nothing waits in a buffer that a kill would empty."""

    def __init__(
        self, path: Path, heading: bytes, iteration_of: Callable[[bytes], int], keep: int, report: Report
    ) -> None:
        self._path, self._report, self._waiting = path, report, b""
        try:
            self._file = path.open("r+b" if path.exists() else "x+b", buffering=0)
            self._end = _length_to_keep(self._file.readall(), heading, iteration_of, keep)
            self._cut()
        except OSError as problem:
            found = f"the metrics cannot be written ({problem.strerror})"
            raise TrainingError(found, "", "Make room, or name another folder", path=path) from None
        if not self._end:
            self.add(heading)

    def add(self, line: bytes) -> None:
        """Write a line, after those that could not be written before it."""
        self._waiting += line
        try:
            self._restore()
            self._cut()
            if self._file.write(self._waiting) != len(self._waiting):
                raise OSError(0, "the disk is full")
        except OSError as problem:
            found = f"a row of the metrics cannot be written ({problem.strerror})"
            self._report(DarknetpyWarning(found, "", "It is written later, when there is room", path=self._path))
        else:
            self._end += len(self._waiting)
            self._waiting = b""

    def _restore(self) -> None:
        """Where somebody has removed the file, with its folder perhaps, write it again from the one that is open."""
        if self._path.exists():
            return
        with self._path.open("x+b", buffering=0) as file:
            self._file.seek(0)
            file.write(self._file.read(self._end))
        self._file.close()
        self._file = self._path.open("r+b", buffering=0)

    def _cut(self) -> None:
        self._file.truncate(self._end)
        self._file.seek(self._end)

    def close(self) -> None:
        self._file.close()


def _length_to_keep(content: bytes, heading: bytes, iteration_of: Callable[[bytes], int], keep: int) -> int:
    """How many bytes the heading and the rows up to an iteration take; none for something else."""
    if not content.startswith(heading):
        return 0
    end = len(heading)
    for line in content[end:].splitlines(keepends=True):
        try:
            iteration = iteration_of(line)
        except (ValueError, KeyError, TypeError):
            break
        if not line.endswith(b"\n") or iteration > keep:
            break
        end += len(line)
    return end


def _iteration_of_csv(line: bytes) -> int:
    return int(line.partition(b",")[0])


def _iteration_of_json(line: bytes) -> int:
    return int(json.loads(line)["iteration"])


def _csv_line(row: dict[str, Any]) -> bytes:
    text = io.StringIO()
    values = (row.get(name) for name in COLUMNS)
    csv.writer(text, lineterminator="\n").writerow("" if value is None else value for value in values)
    return text.getvalue().encode()
