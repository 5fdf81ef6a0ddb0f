"""A lock file: one holder at a time, none behind the end of a process, however it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from darknetpy.training.lock import Lock
from tests.source_code import ROOT

HOLD = "import sys, time; from pathlib import Path; from darknetpy.training.lock import Lock\n"
HOLD += "lock = Lock(Path(sys.argv[1])); print(lock.take(), flush=True); time.sleep(60)"


def test_one_has_it_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    one, other = Lock(path), Lock(path)
    assert one.take()
    assert not other.take()
    assert other.holder() == f"process {os.getpid()}"
    assert one.is_there()
    assert not other.is_there()
    other.release()
    assert one.is_there()
    one.release()
    one.release()
    assert list(tmp_path.iterdir()) == []
    assert other.take()
    other.release()


def test_the_lock_of_a_killed_process_is_free_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"True"
        lock = Lock(path)
        assert not lock.take()
        assert lock.holder() == f"process {process.pid}"
        process.kill()
    assert path.exists()
    assert lock.take()
    lock.release()


@pytest.mark.parametrize("text", [f"process {os.getpid()}\n", "process 1\n", "", "process", "\xff nonsense"])
def test_what_stands_in_the_file_is_nobodys_lock(tmp_path: Path, text: str) -> None:
    """After a crash another process may have the number that stands there, this one too."""
    path = tmp_path / "a.lock"
    path.write_bytes(text.encode("latin-1"))
    lock = Lock(path)
    assert lock.take()
    assert lock.holder() == f"process {os.getpid()}"
    lock.release()


def test_a_file_that_was_removed_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    lock, other = Lock(path), Lock(path)
    assert lock.take()
    path.unlink()
    assert not lock.is_there()
    assert other.take()
    lock.release()
    assert other.is_there(), "the file of somebody else is left alone"
    other.release()


def test_where_no_file_can_be_made_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Lock(tmp_path / "none" / "a.lock").take()
    assert Lock(tmp_path / "none" / "a.lock").holder() == ""


def test_many_that_want_it_at_once_never_have_it_together(tmp_path: Path) -> None:
    holders, most, taken = 0, 0, 0
    counting = threading.Lock()

    def want() -> None:
        nonlocal holders, most, taken
        for _ in range(200):
            lock = Lock(tmp_path / "a.lock")
            if lock.take():
                with counting:
                    holders, taken = holders + 1, taken + 1
                    most = max(most, holders)
                with counting:
                    holders -= 1
                lock.release()

    threads = [threading.Thread(target=want) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert taken > 0
