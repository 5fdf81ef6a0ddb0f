"""How much memory is left, by what the system says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from darknetpy.training import memory_left as module
from darknetpy.training.memory_left import UNKNOWN, memory_left

GIGABYTE = 1 << 30


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A computer with 16 GiB available, without a container."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(module, "MEMORY_INFO", tmp_path / "meminfo")
    monkeypatch.setattr(module, "CONTROL_GROUPS", ((tmp_path / "max", tmp_path / "current"),))
    (tmp_path / "meminfo").write_text("MemTotal: 33554432 kB\nMemFree: 1024 kB\nMemAvailable: 16777216 kB\n")
    return tmp_path


def test_what_the_computer_has_available(system: Path) -> None:
    assert memory_left() == 16 * GIGABYTE


def test_what_a_container_has_left(system: Path) -> None:
    (system / "max").write_text(f"{4 * GIGABYTE}\n")
    (system / "current").write_text(f"{GIGABYTE}\n")
    assert memory_left() == 3 * GIGABYTE
    (system / "current").write_text(f"{5 * GIGABYTE}\n")
    assert memory_left() == 0
    (system / "max").write_text("max\n")
    assert memory_left() == 16 * GIGABYTE


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="only systems with sysconf tell")
def test_other_systems_tell_what_they_have_in_all(system: Path) -> None:
    (system / "meminfo").unlink()
    assert memory_left() == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "sysconf", lambda name: int("no such name"))
        assert memory_left() == UNKNOWN


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of processes are told on Linux")
def test_the_limit_of_the_process_counts() -> None:
    code = """if True:
        import resource
        from darknetpy.training.memory_left import memory_left
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        print(memory_left())
    """
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 < int(answer.stdout) < GIGABYTE
