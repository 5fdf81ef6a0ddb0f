"""Weights and resumable states on disk, by Darknet's names. Source of the names: AlexeyAB/darknet src/detector.c.

A state holds all that a training needs to go on as if nothing had happened, the network's arrays included. It is one
file that is replaced whole, so that whatever moment a program is killed at, an older or the newer state is there; the
``.weights`` beside it are for everybody else.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from darknetpy.errors import DarknetpyWarning, TrainingError, printable, printable_path
from darknetpy.files import check_folder, check_target, replaced_file
from darknetpy.training.lock import Lock

VERSION = 1
_ABOUT, _NAMES = "about", "arrays"
_DAMAGE = (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError, TypeError, RuntimeError)
"""What reading a damaged archive may raise."""
_LOCK = "training.lock"
_REPLACED = ("last", "best", "final")
_MEGABYTE = 2**20
_LONGEST_ENDING = "_2147483647.weights"
_LONGEST_NAME = 255  # bytes, of most file systems
Arrays = Mapping[str, np.ndarray]


def base_name(cfg_path: str | os.PathLike[str] | None) -> str:
    """What checkpoints of a cfg are called: its name without the last suffix.

    >>> base_name("nets/my.v2.cfg")
    'my.v2'
    """
    return Path(cfg_path).stem if cfg_path else "network"


def write_state(path: Path, about: Mapping[str, Any], arrays: Arrays) -> None:
    """Write a state: what JSON can say, and arrays by name; the old one stays until all is written.

    Raises TrainingError where the file cannot be written.
    """
    text = json.dumps({"version": VERSION, _NAMES: sorted(arrays), **about}).encode()
    with replaced_file(check_target(path, TrainingError), path, TrainingError) as file:
        everything: dict[str, Any] = {_ABOUT: np.frombuffer(text, np.uint8)}
        everything.update({f"array_{name}": array for name, array in arrays.items()})
        np.savez(file, **everything)


def read_state(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What `write_state` wrote. Raises TrainingError for a file that is missing, damaged, or something else."""
    expected, remedy = "a state of a training (NAME_last.state)", "Start without --resume, or from the weights"
    try:
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(file[_ABOUT].tobytes())
            arrays = {name.removeprefix("array_"): file[name] for name in file.files if name != _ABOUT}
    except FileNotFoundError:
        raise TrainingError("no such file", expected, remedy, path=path) from None
    except _DAMAGE as problem:
        found = f"the state cannot be read ({printable(str(problem) or type(problem).__name__)})"
        raise TrainingError(found, expected, remedy, path=path) from None
    version = about.get("version") if isinstance(about, dict) else None
    if version != VERSION:
        found, remedy = f"a state of version {printable(version)}", "It is of another darknetpy: go on from the weights"
        raise TrainingError(found, f"version {VERSION}", remedy, path=path)
    if about.pop(_NAMES, None) != sorted(arrays):
        raise TrainingError("the state cannot be read (arrays are missing)", expected, remedy, path=path)
    return about, arrays


class Folder:
    """The folder that a training writes to, held for one training at a time.

    Args:
        path: made if only its own name is missing.
        base: what the files are called, see `base_name`.

    Raises TrainingError, before any work, where nothing can be written there or another training does so.
    """

    def __init__(self, path: str | os.PathLike[str], base: str) -> None:
        self.path, self.base = check_folder(path, TrainingError), base
        self._check_name()
        self._lock, self._held = Lock(self.path / f"{base}_{_LOCK}"), True
        self._take()

    def _check_name(self) -> None:
        """One too long for the last checkpoints is told before the first one."""
        length, most = len(os.fsencode(self.base)), _LONGEST_NAME - len(_LONGEST_ENDING)
        if length > most:
            found, expected = f"a cfg with a name of {length} bytes", f"at most {most}, for its checkpoints' names"
            raise TrainingError(found, expected, "Give the cfg a shorter name", path=self.path)

    def _take(self) -> None:
        try:
            taken = self._lock.take()
        except OSError as problem:
            found = f"nothing can be written there ({problem.strerror})"
            raise TrainingError(found, "a folder that takes files", "Name another one", path=self.path) from None
        if not taken:
            found = f"another training ({printable(self._lock.holder())}) writes there"
            raise TrainingError(found, "a folder of its own", "Name another one", path=self.path)

    def restore(self) -> bool:
        """Make the folder again where somebody has removed it; whether that was so. Before a file is written to it.

        Raises TrainingError where it cannot be made, or another training has taken its place.
        """
        if self.path.is_dir() and (not self._held or self._lock.is_there()):
            return False
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            found = f"the folder is gone and cannot be made again ({problem.strerror})"
            raise TrainingError(found, "", "Make it, or the folder above it", path=self.path) from None
        if self._held:
            self._lock.release()
            self._take()
        return True

    def release(self) -> None:
        """Let another training have the folder."""
        self._held = False
        self._lock.release()

    def weights(self, which: int | str) -> Path:
        """The file of the weights of an iteration, or of ``last``, ``best``, ``final`` or ``ema``."""
        return self.path / f"{self.base}_{which}.weights"

    @property
    def state(self) -> Path:
        """The file of the state beside the last weights."""
        return self.path / f"{self.base}_last.state"

    def lack_of_room(self, weights: int, state: int, staying: int) -> DarknetpyWarning | None:
        """What to say where the disk is too small for a training; what it has written before counts as room.

        Args:
            weights: bytes of a weights file. state: of a state. staying: weights files with a number.
        """
        needed = (staying + len(_REPLACED) + 1) * weights + 2 * state  # the old file stays until the new one is whole
        with suppress(OSError):  # a file that is gone meanwhile, or a file system that tells nothing
            own = (path for path in self.path.glob("*") if path.name.startswith(f"{self.base}_"))
            room = shutil.disk_usage(self.path).free + sum(path.stat().st_size for path in own)
            if needed > room:
                found = f"room for {room / _MEGABYTE:,.0f} MB of checkpoints"
                expected = f"about {needed / _MEGABYTE:,.0f} MB for those of the whole training"
                remedy = "Make room, choose another folder, or fewer of them: --save-every"
                return DarknetpyWarning(found, expected, remedy, path=self.path)
        return None

    def file(self, suffix: str) -> Path:
        """Another file of this training, such as ``metrics.csv``."""
        return self.path / f"{self.base}_{suffix}"

    def __str__(self) -> str:
        return printable_path(str(self.path))
