"""Files are replaced whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from darknetpy.errors import DataError, WeightsError
from darknetpy.files import check_folder, check_target, replaced_file
from tests.source_code import ROOT


def put(path: Path, content: bytes) -> None:
    with replaced_file(check_target(path), path) as file:
        file.write(content)


def test_the_new_file_takes_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "a.weights"
    put(path, b"old")
    put(path, b"new")
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.weights"]


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.weights"
    put(path, b"old")

    def stop_half_way() -> None:
        with replaced_file(check_target(path), path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_half_way()
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.weights"]


def test_the_old_file_can_be_read_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.weights"
    put(path, b"old")
    with replaced_file(check_target(path), path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


def test_permissions_are_those_of_the_old_file_or_of_any_new_one(tmp_path: Path) -> None:
    old, other = tmp_path / "old.weights", tmp_path / "other"
    put(old, b"1")
    other.write_bytes(b"2")
    assert stat.S_IMODE(old.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)
    old.chmod(0o640)
    put(old, b"3")
    assert stat.S_IMODE(old.stat().st_mode) == 0o640


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    real, link = tmp_path / "real.weights", tmp_path / "last.weights"
    real.write_bytes(b"old")
    link.symlink_to(real.name)
    put(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


def test_several_threads_may_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.weights"
    threads = [threading.Thread(target=put, args=(path, bytes([number]) * 1000)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    content = path.read_bytes()
    assert len(content) == 1000
    assert len(set(content)) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.weights"]


def test_left_overs_of_programs_that_are_gone_are_removed_and_no_others(tmp_path: Path) -> None:
    program = "\n".join([
        "import os, sys",
        "from pathlib import Path",
        "from darknetpy.files import check_target, replaced_file",
        "path = Path(sys.argv[1])",
        "with replaced_file(check_target(path), path) as file:",
        "    os._exit(0)",
    ])  # fmt: skip
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "a.weights")], check=True, cwd=ROOT)
    leftover = next(tmp_path.iterdir())
    assert leftover.suffix == ".tmp"
    gone = leftover.name.split("-")[-2]
    others = [
        leftover.name.replace(f"-{gone}-", f"-{os.getppid()}-"),  # a program that runs
        leftover.name.replace(".darknetpy-", ".darknetpy-elsewhere"),  # of another computer
        leftover.name.replace(".darknetpy-", ".other-"),
        "notes.tmp",
    ]
    for name in others:
        (tmp_path / name).touch()
    put(tmp_path / "a.weights", b"new")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted([*others, "a.weights"])


def test_a_program_that_has_the_number_of_a_killed_one_removes_what_that_left(tmp_path: Path) -> None:
    """In a container it may be the same number after every crash."""
    path = tmp_path / "a.weights"
    with replaced_file(check_target(path), path) as file:
        file.write(b"1")
        mine = next(tmp_path.iterdir())
        before = mine.with_name(mine.name.replace(mine.name.split("-")[-1], "00000000.tmp"))
        before.touch()
        put(tmp_path / "b.weights", b"2")
        assert sorted(tmp_path.iterdir()) == sorted([mine, tmp_path / "b.weights"])
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.weights", "b.weights"]


def test_places_where_nothing_can_be_written_are_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    for name, says in (
        ("missing/a.weights", "no such folder"),
        ("folder", "is a directory"),
        ("loop", "cannot write there|Symlink loop|no such"),
        ("nul\0byte", "cannot write there"),
        ("x" * 300, "cannot write"),
    ):
        with pytest.raises(DataError, match=says):
            put(tmp_path / name, b"")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["folder", "loop"]
    with pytest.raises(DataError, match="is not a regular file"):
        check_target("/dev/null")


def test_a_folder_that_is_read_only_is_refused(folder_of_ordinary_user: Path) -> None:
    folder_of_ordinary_user.chmod(0o500)
    with pytest.raises(DataError, match="its folder is read-only"):
        check_target(folder_of_ordinary_user / "a.weights")


def test_the_class_of_errors_is_the_callers(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such folder"):
        check_target(tmp_path / "missing" / "a", WeightsError)
    target = check_target(tmp_path / "a")

    def meet_a_full_disk() -> None:
        with replaced_file(target, "a", WeightsError):
            raise OSError("full")

    with pytest.raises(WeightsError, match="cannot write the file: full"):
        meet_a_full_disk()


def test_files_that_need_not_outlast_a_power_cut_are_replaced_whole_as_well(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"old")
    with replaced_file(check_target(path), path, lasting=False) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.jpg"]


def test_a_folder_is_made_where_only_its_own_name_is_missing(tmp_path: Path) -> None:
    assert check_folder(tmp_path / "new").is_dir()
    assert check_folder(tmp_path / "new") == tmp_path / "new"
    with pytest.raises(DataError, match=r"no such folder: .*none"):
        check_folder(tmp_path / "none" / "new")
    (tmp_path / "file").touch()
    for name, says in (("file", "is a file"), ("nul\0byte", "cannot be made"), ("x" * 300, "cannot be made")):
        with pytest.raises(DataError, match=says):
            check_folder(tmp_path / name)


def test_a_folder_where_nothing_can_be_made_is_refused(folder_of_ordinary_user: Path) -> None:
    folder_of_ordinary_user.chmod(0o500)
    with pytest.raises(DataError, match="read-only"):
        check_folder(folder_of_ordinary_user)
    with pytest.raises(DataError, match="cannot be made"):
        check_folder(folder_of_ordinary_user / "new")
