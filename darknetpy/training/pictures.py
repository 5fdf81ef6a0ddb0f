"""Decoded pictures by number, kept while there is room for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np

from darknetpy.errors import DarknetpyWarning, DataError, Findings, ImageError
from darknetpy.images.decode import read_picture
from darknetpy.training.memory_left import memory_left

MOST_BROKEN = 100  # pictures in a row that cannot be read before that is an error
SHARE_OF_MEMORY = 0.5  # of what is free that kept pictures may take
Report = Callable[[DarknetpyWarning], None]


def room_for_pictures(needed: int = 0) -> int:
    """Bytes that kept pictures may take where so many are needed for something else."""
    return int(SHARE_OF_MEMORY * max(0, memory_left() - needed))


class Pictures:
    """Reads pictures, and keeps them in memory until their room is used up. Several threads may ask at once.

    Args:
        paths: of the pictures, whose places in it are their numbers.
        channels: 1, 3 or 4.
        room: bytes for those that are kept.
        skip_broken: one that cannot be read is left out, and the next one taken; else it is an error, and so is one
            that has something odd about it.
        report: is told of those that are left out, or odd, once each.
        allow_damaged: use what can be read of a damaged picture.
    """

    def __init__(
        self, paths: Sequence[str], channels: int, room: int, *, skip_broken: bool, report: Report,
        allow_damaged: bool = False,
    ) -> None:  # fmt: skip
        self._paths, self._channels, self._room = paths, channels, room
        self._skip_broken, self._report, self._allow_damaged = skip_broken, report, allow_damaged
        self._kept: dict[int, np.ndarray] = {}
        self._told: set[int] = set()
        self._lock = threading.Lock()

    def at(self, number: int) -> tuple[int, np.ndarray]:
        """The picture of that number, or the next one that can be read: its number, and (h, w, channels) uint8.

        Raises ImageError for one that cannot be read unless such are skipped, DataError after very many of them.
        """
        kept = self._kept.get(number)
        return self._first_readable(number) if kept is None else (number, kept)

    def _first_readable(self, number: int) -> tuple[int, np.ndarray]:
        for further in range(min(MOST_BROKEN, len(self._paths))):
            candidate = (number + further) % len(self._paths)
            picture = self._read(candidate)
            if picture is not None:
                return candidate, picture
        several = f"{MOST_BROKEN} pictures in a row that cannot be read"
        found = several if len(self._paths) > MOST_BROKEN else "not one picture that can be read"
        raise DataError(found, "pictures", "Is the disk still there?", path=self._paths[number])

    def _read(self, number: int) -> np.ndarray | None:
        kept = self._kept.get(number)
        if kept is not None:
            return kept
        findings = Findings(strict=not self._skip_broken)
        try:
            picture = read_picture(
                self._paths[number], channels=self._channels, allow_damaged=self._allow_damaged, findings=findings
            )
        except ImageError as error:
            if not self._skip_broken:
                raise
            self._tell(number, [left_out(error, "It is left out; the next one takes its place")])
            return None
        if findings.warnings:
            self._tell(number, findings.warnings)
        with self._lock:
            if number not in self._kept and picture.nbytes <= self._room:
                self._kept[number] = picture
                self._room -= picture.nbytes
        return picture

    def _tell(self, number: int, warnings: list[DarknetpyWarning]) -> None:
        with self._lock:
            known = number in self._told
            self._told.add(number)
        if not known:
            for warning in warnings:
                self._report(warning)


def left_out(error: ImageError, consequence: str) -> DarknetpyWarning:
    """What is said of a picture that cannot be read where that is no error."""
    return DarknetpyWarning(error.found, error.expected, consequence, path=error.path)
