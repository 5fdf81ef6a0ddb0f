"""Weights files opened, and their arrays read one by one: at once, or later when somebody asks for them."""

from __future__ import annotations

import io
import os
import stat
import sys
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from darknetpy.errors import WeightsError, printable_path
from darknetpy.graph import Node, initialize
from darknetpy.kernels.memory import empty_floats
from darknetpy.layers.base import Array
from darknetpy.weights.forensics import A_WEIGHTS_FILE
from darknetpy.weights.header import Header
from darknetpy.weights.layout import VALUE_BYTES, Slot

_RIGHT_PATH = "Check how the path is written"
_AS_IT_WAS = "the file that the network was loaded from, as it was"
_LOAD_AGAIN = 'Load the network again; memory="normal" reads all of a file at once'
PIECE_VALUES = 2**18  # one MiB: read, then looked at while it is still in the cache
COLUMNS = 509  # a prime, so that blocks of a disk that change places change the sums

Look = Callable[[Slot, np.ndarray], None]
"""What sees each piece of an array as it is read."""
Source = str | os.PathLike[str] | bytes
Stamp = tuple[int, ...]


@dataclass(frozen=True)
class OpenedFile:
    """An open weights file, or bytes in memory."""

    stream: io.BufferedReader | io.BytesIO
    size: int
    path: str | None

    @property
    def name(self) -> str:
        """The path as messages show it."""
        return "<bytes>" if self.path is None else printable_path(self.path)


@dataclass(frozen=True)
class Plan:
    """What is read: settled from header and length."""

    header: Header
    slots: tuple[Slot, ...]
    size: int

    def held(self, slot: Slot) -> int:
        """How many values of the array the file really has."""
        values = (self.size - self.header.size) // VALUE_BYTES
        return max(0, min(slot.values, values - slot.offset))

    @property
    def unfilled(self) -> list[Slot]:
        """The slots that the file does not fill."""
        return [slot for slot in self.slots if self.held(slot) < slot.values]


@dataclass(frozen=True)
class Checksums:
    """Tells whether arrays are still what they were. Times of files are too coarse for that, and can be set.

    Pairs of values are read as whole numbers and added in columns, which is as fast as memory, and the sums checked.
    """

    found: dict[int, int] = field(default_factory=dict)
    """By the offset of the slot."""

    def take(self, slot: Slot, values: np.ndarray) -> None:
        """Go on with the next values of an array."""
        end = len(values) // (2 * COLUMNS) * (2 * COLUMNS)
        sums = values[:end].view(np.uint64).reshape(-1, COLUMNS).sum(axis=0)
        before = self.found.get(slot.offset, 0)
        self.found[slot.offset] = zlib.crc32(values[end:].data, zlib.crc32(sums.data, before))


@dataclass(frozen=True)
class ArraysInFile:
    """The arrays of a layer that wait in a weights file.

    Reading gives the values that were there when the network was loaded, or a WeightsError: what is read is compared
    with a checksum of what was looked at then.
    """

    path: Path
    plan: Plan
    slots: Mapping[str, Slot]
    """By the array's name."""
    checksums: dict[int, int]
    """Of all that was looked at, by the offset of the slot."""

    @property
    def names(self) -> tuple[str, ...]:
        """What the arrays are called, in file order."""
        return tuple(self.slots)

    def is_in(self, path: Path) -> bool:
        """Whether this is their file, by whatever name."""
        try:
            return self.path.samefile(path)
        except OSError:  # one of them is not there
            return False

    def read(self, names: Collection[str]) -> dict[str, np.ndarray]:
        """New float32 arrays of the shapes that the layer declares."""
        now = Checksums()
        try:
            with opened(self.path) as file:
                if file.size != self.plan.size:
                    raise WeightsError("the file has changed")
                read = {name: read_array(file, self.plan, self.slots[name], 0, now.take) for name in names}
                if not now.found.items() <= self.checksums.items():
                    raise WeightsError("the file has changed")
        except WeightsError as error:
            raise WeightsError(error.found, _AS_IT_WAS, _LOAD_AGAIN, path=self.path) from None
        return read


@contextmanager
def opened(source: Source) -> Iterator[OpenedFile]:
    """The file, which must stay as it is while it is open."""
    if isinstance(source, bytes):
        yield OpenedFile(io.BytesIO(source), len(source), None)
        return
    path = os.fspath(source)
    try:
        with _open_regular(path) as stream:
            before = os.fstat(stream.fileno())
            yield OpenedFile(stream, before.st_size, path)
            after = os.fstat(stream.fileno())
    except OSError as problem:
        found = f"cannot read the weights file: {problem.strerror}"
        raise WeightsError(found, "a readable file", "Check its permissions", path=path) from None
    if _stamp(before) != _stamp(after):
        raise _changed(path)


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _open_regular(path: str) -> io.BufferedReader:
    try:
        status = Path(path).stat()
    except FileNotFoundError:
        start = f"Relative paths start at {printable_path(str(Path.cwd()))}"
        remedy = _RIGHT_PATH if Path(path).is_absolute() else start
        raise WeightsError("no such weights file", "", remedy, path=path) from None
    except ValueError:
        expected = "the path of a weights file"
        raise WeightsError("a name that no file can have", expected, _RIGHT_PATH, path=path) from None
    if not stat.S_ISREG(status.st_mode):
        found = "is a directory" if stat.S_ISDIR(status.st_mode) else "is not a regular file"
        raise WeightsError(found, A_WEIGHTS_FILE, "Name the file itself", path=path)
    return Path(path).open("rb")


def _changed(path: str | None) -> WeightsError:
    remedy = "Load it again when the program that writes it has finished"
    return WeightsError("the file changed while it was read", "a file at rest", remedy, path=path)


def look_at(file: OpenedFile, plan: Plan, slot: Slot, *looks: Look) -> None:
    """Read one array's values, and keep none."""
    piece = np.empty(min(PIECE_VALUES, slot.values), np.float32)
    file.stream.seek(plan.header.size + VALUE_BYTES * slot.offset)
    for start in range(0, slot.values, PIECE_VALUES):
        part = piece[: slot.values - start]
        _fill(part, file)
        for look in looks:
            look(slot, part)


def read_array(file: OpenedFile, plan: Plan, slot: Slot, seed: int, look: Look) -> np.ndarray:
    """One array in the shape that the layer declares; a matrix that the file holds turned takes a second copy."""
    array, turned, held = slot.array, slot.turned(plan.header.transposed), plan.held(slot)
    complete = held == slot.values and array.leading is None
    values = empty_floats(array.shape) if complete else _beginning(slot.node, array, seed)
    part = values[: array.leading]
    matrix = part.reshape(len(part), -1)
    block = np.ascontiguousarray(matrix.T) if turned else matrix
    file.stream.seek(plan.header.size + VALUE_BYTES * slot.offset)
    for start in range(0, held, PIECE_VALUES):
        piece = block.reshape(-1)[start : min(start + PIECE_VALUES, held)]
        _fill(piece, file)
        look(slot, piece)
    if turned:
        matrix[...] = block.T
    return values


def _fill(piece: np.ndarray, file: OpenedFile) -> None:
    """Read little-endian values into a one-dimensional contiguous array."""
    if file.stream.readinto(piece.data) < piece.nbytes:
        raise _changed(file.path)
    if sys.byteorder == "big":
        piece.byteswap(inplace=True)


def _beginning(node: Node, array: Array, seed: int) -> np.ndarray:
    """What an array holds where no file fills it: a copy of its present values, or its initial ones."""
    present = node.weights.get(array.name)
    return initialize(node, array, seed) if present is None else present.copy()
