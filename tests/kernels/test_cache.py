"""The cache of compiled kernels: kept, repaired, shared, and never the reason that an answer fails."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from darknetpy.kernels import Kernel, cache

ROOT = Path(__file__).resolve().parents[2]

KERNELS = """
import sys
from darknetpy.kernels import cache, kernel

@kernel
def first(x):
    return 2 * x + FACTOR

@kernel
def second(x):
    return first(x) - 1

@kernel
def third(x):
    return x // 3

@kernel
def intact(x):
    return abs(x)

if __name__ == "__main__":
    cache.on_compile(lambda sentence: print("note:", sentence))
    PREPARE
    print(intact(-1), first(5), second(5), third(7))
"""


def script(folder: Path, factor: int = 0, prepare: str = "pass") -> Path:
    """A module with three small kernels that prints its answers, and the note when something is compiled."""
    path = folder / "small_kernels.py"
    path.write_text(KERNELS.replace("FACTOR", str(factor)).replace("PREPARE", prepare))
    return path


def start(path: Path, folder: Path, **environment: str) -> subprocess.Popen[str]:
    settings = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(folder), **environment}
    return subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE, text=True, env=settings)


def run(path: Path, folder: Path, **environment: str) -> list[str]:
    """The lines that one process prints."""
    process = start(path, folder, **environment)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return output.splitlines()


def kept(folder: Path) -> list[Path]:
    return sorted(folder.rglob(f"*{cache.SUFFIX}"))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, list[str]]:
    """(the module, a folder that two processes filled at the same time, what they printed)."""
    place = tmp_path_factory.mktemp("kernels")
    path, folder = script(place), place / "cache"
    processes = [start(path, folder) for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    return path, folder, outputs


def test_two_processes_can_fill_the_cache_at_once(filled: tuple[Path, Path, list[str]]) -> None:
    _, folder, outputs = filled
    for output in outputs:
        note, answers = output.splitlines()
        assert note.startswith("note: compiling kernels once")
        assert answers == "1 10 9 2"
    assert len(kept(folder)) == 4


def test_the_folder_is_open_to_its_owner_only(filled: tuple[Path, Path, list[str]]) -> None:
    if os.name == "nt":
        pytest.skip("POSIX permissions")
    files = kept(filled[1])
    assert stat.S_IMODE(files[0].parent.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)


def test_damaged_files_are_compiled_again(filled: tuple[Path, Path, list[str]]) -> None:
    path, folder, _ = filled
    first, _, second, third = kept(folder)
    contents = [file.read_bytes() for file in (first, second, third)]
    first.write_bytes(contents[0][:40])
    second.write_bytes(os.urandom(len(contents[1])))
    third.write_bytes(b"")
    note, answers = run(path, folder)
    assert note.startswith("note: compiling kernels once")
    assert answers == "1 10 9 2"
    assert run(path, folder) == ["1 10 9 2"]  # all come from the cache again, without a note


def test_a_changed_source_is_compiled_again_and_replaces_the_old_file(filled: tuple[Path, Path, list[str]]) -> None:
    path, folder, _ = filled
    script(path.parent, factor=100)
    note, answers = run(path, folder)
    assert note.startswith("note: ")
    assert answers == "1 110 109 2"
    assert len(kept(folder)) == 4


def test_without_a_writable_folder_kernels_are_compiled_for_this_run(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    blocked = f"from pathlib import Path; cache._candidates = lambda: iter([Path({str(file)!r}) / 'folder'])"
    note, answers = run(script(tmp_path, prepare=blocked), tmp_path)
    assert kept(tmp_path) == []
    assert "no folder to keep them in can be written" in note
    assert answers == "1 10 9 2"


def test_a_full_disk_does_not_cost_the_answer(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))"
    note, answers = run(script(tmp_path, prepare=limit), tmp_path / "cache")
    assert note.startswith("note: ")
    assert answers == "1 10 9 2"
    assert kept(tmp_path) == []


def test_a_folder_that_others_can_write_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.name == "nt":
        pytest.skip("POSIX permissions")
    shared, own = tmp_path / "shared", tmp_path / "own"
    shared.mkdir()
    shared.chmod(0o777)
    monkeypatch.setattr(cache, "_candidates", lambda: iter((shared, own)))
    cache.cache_folder.cache_clear()
    try:
        assert cache.cache_folder() == own
    finally:
        cache.cache_folder.cache_clear()


def test_the_users_folder_is_where_the_system_wants_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    folder = cache.user_cache_folder()
    assert folder.is_relative_to(tmp_path)
    assert "darknetpy" in folder.parts


def test_a_closure_is_refused() -> None:
    factor = 3
    with pytest.raises(TypeError, match="uses variables of the function around it"):
        Kernel(lambda x: factor * x)(1)


def test_numbas_own_settings_stay_as_they_are() -> None:
    import numba

    before = numba.config.CACHE_DIR
    assert cache.cache_folder() is not None
    assert before == numba.config.CACHE_DIR
