"""Weights and resumable states on disk, by Darknet's names. Source of the names: AlexeyAB/darknet src/detector.c.

A state holds all that a training needs to go on as if nothing had happened, the network's arrays included. It is one
file that is replaced whole, so that whatever moment a program is killed at, an older or the newer state is there; the
``.weights`` beside it are for everybody else.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from darknetpy.errors import TrainingError, printable, printable_path
from darknetpy.files import check_folder, check_target, process_runs, replaced_file

VERSION = 1
_ABOUT = "about"
_LOCK = "training.lock"
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
    text = json.dumps({"version": VERSION, **about}).encode()
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
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError, TypeError) as problem:
        found = f"the state cannot be read ({printable(str(problem) or type(problem).__name__)})"
        raise TrainingError(found, expected, remedy, path=path) from None
    if about.get("version") != VERSION:
        found = f"a state of version {printable(about.get('version'))}"
        raise TrainingError(
            found, f"version {VERSION}", "It is of another darknetpy: go on from the weights", path=path
        )
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
        self._lock = self.path / f"{base}_{_LOCK}"
        self._take()

    def _take(self) -> None:
        for _ in range(2):
            try:
                descriptor = os.open(self._lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
            except FileExistsError:
                if self._is_in_use():
                    found = f"another training ({self._lock.read_text().strip()}) writes there"
                    raise TrainingError(found, "a folder of its own", "Name another one", path=self.path) from None
                self._lock.unlink(missing_ok=True)
            except OSError as problem:
                found = f"nothing can be written there ({problem.strerror})"
                raise TrainingError(found, "a folder that takes files", "Name another one", path=self.path) from None
            else:
                with os.fdopen(descriptor, "w") as file:
                    file.write(f"process {os.getpid()}\n")
                return
        raise TrainingError("the lock file cannot be taken", "", f"Delete {self._lock.name}", path=self.path)

    def _is_in_use(self) -> bool:
        """Whether the process that is named in the lock file runs; a lock that is cut short names none."""
        with suppress(OSError, ValueError, IndexError):
            return process_runs(int(self._lock.read_text().split()[1]))
        return False

    def release(self) -> None:
        """Let another training have the folder."""
        self._lock.unlink(missing_ok=True)

    def weights(self, which: int | str) -> Path:
        """The file of the weights of an iteration, or of ``last``, ``best``, ``final`` or ``ema``."""
        return self.path / f"{self.base}_{which}.weights"

    @property
    def state(self) -> Path:
        """The file of the state beside the last weights."""
        return self.path / f"{self.base}_last.state"

    def file(self, suffix: str) -> Path:
        """Another file of this training, such as ``metrics.csv``."""
        return self.path / f"{self.base}_{suffix}"

    def __str__(self) -> str:
        return printable_path(str(self.path))
