"""Checkpoints: names, states that come back as they were, one training for a folder, and what can go wrong."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from darknetpy.errors import TrainingError
from darknetpy.training.checkpoints import Folder, base_name, read_state, write_state

ARRAYS = {"0/weights": np.arange(6, dtype=np.float32).reshape(2, 3), "0/weights/velocity": np.ones(3, np.float32)}
ABOUT = {"iteration": 7, "random": {"state": 2**120 + 1, "text": "é"}, "loss": 0.1}


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "net_last.state"
    write_state(path, {"iteration": 1}, {})
    write_state(path, ABOUT, ARRAYS)
    about, arrays = read_state(path)
    assert {name: about[name] for name in ABOUT} == ABOUT
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype
    assert [path.name for path in tmp_path.iterdir()] == ["net_last.state"]


def test_states_that_are_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net_last.state"
    with pytest.raises(TrainingError, match="no such file, expected a state of a training"):
        read_state(path)
    write_state(path, ABOUT, ARRAYS)
    whole = path.read_bytes()
    for content in (b"", b"\0" * 100, whole[: len(whole) // 2], whole[:-30], b"<html>" * 20):
        path.write_bytes(content)
        with pytest.raises(TrainingError, match="the state cannot be read"):
            read_state(path)
    damaged = bytearray(whole)
    damaged[whole.index(b"\0\0\x80?")] ^= 255
    path.write_bytes(damaged)
    with pytest.raises(TrainingError, match="the state cannot be read"):
        read_state(path)


def test_no_damage_of_a_state_goes_unseen(tmp_path: Path) -> None:
    """Damaged bytes in the directory of the archive, too: there arrays could get lost."""
    path = tmp_path / "net_last.state"
    write_state(path, ABOUT, ARRAYS)
    whole, random = path.read_bytes(), np.random.default_rng(1)
    expected = read_state(path)
    for _ in range(1500):
        damaged = bytearray(whole)
        damaged[random.integers(len(damaged))] = random.integers(256)
        path.write_bytes(damaged)
        try:
            about, arrays = read_state(path)
        except TrainingError:
            continue
        assert about == expected[0]
        assert arrays.keys() == ARRAYS.keys()
        assert all(array.tobytes() == ARRAYS[name].tobytes() for name, array in arrays.items())


def test_a_state_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net_last.state"
    text = b'{"version": 99}'
    with path.open("wb") as file:
        np.savez(file, about=np.frombuffer(text, np.uint8))
    with pytest.raises(TrainingError, match="a state of version 99, expected version 1"):
        read_state(path)


def test_a_full_disk_leaves_the_older_state(tmp_path: Path) -> None:
    path = tmp_path / "net_last.state"
    write_state(path, {"iteration": 1}, ARRAYS)
    code = (
        "import resource, signal, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from darknetpy.training.checkpoints import write_state\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "write_state(Path(sys.argv[1]), {'iteration': 2}, {'a': np.zeros(100000)})\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "cannot write the file: File too large" in done.stderr
    assert read_state(path)[0]["iteration"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["net_last.state"]


@pytest.mark.parametrize(
    ("cfg", "base"),
    [
        ("a/my.v2.cfg", "my.v2"),
        ("net.cfg", "net"),
        ("%s 100%.cfg", "%s 100%"),
        ("größe.cfg", "größe"),
        (None, "network"),
    ],
)
def test_files_are_named_after_the_cfg(cfg: str | None, base: str) -> None:
    assert base_name(cfg) == base


def test_names_are_those_of_darknet(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "backup", "net")
    assert folder.weights(1000).name == "net_1000.weights"
    assert folder.weights("last").name == "net_last.weights"
    assert folder.state.name == "net_last.state"
    assert folder.file("metrics.csv") == tmp_path / "backup" / "net_metrics.csv"
    folder.release()


def test_one_training_has_a_folder_at_a_time(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "net")
    with pytest.raises(TrainingError, match=rf"another training \(process {os.getpid()}\) writes there"):
        Folder(tmp_path, "net")
    Folder(tmp_path, "other").release()
    folder.release()
    Folder(tmp_path, "net").release()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_removed_is_made_again_and_held(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "backup", "net")
    assert not folder.restore()
    shutil.rmtree(tmp_path / "backup")
    assert folder.restore()
    assert not folder.restore()
    with pytest.raises(TrainingError, match="another training"):
        Folder(tmp_path / "backup", "net")
    folder.release()
    assert not folder.restore()
    assert list((tmp_path / "backup").iterdir()) == []


def test_a_folder_that_another_training_has_taken_is_not_written_to(tmp_path: Path) -> None:
    first = Folder(tmp_path / "backup", "net")
    shutil.rmtree(tmp_path / "backup")
    second = Folder(tmp_path / "backup", "net")
    for _ in range(2):
        with pytest.raises(TrainingError, match="another training"):
            first.restore()
    second.release()
    assert first.restore()
    first.release()


def test_a_folder_that_cannot_be_made_again_is_an_error(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "backup", "net")
    shutil.rmtree(tmp_path / "backup")
    (tmp_path / "backup").touch()
    with pytest.raises(TrainingError, match="the folder is gone and cannot be made again"):
        folder.restore()
    folder.release()


def test_a_disk_too_small_for_the_whole_training_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free, megabyte = 100 << 20, 1 << 20
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=free))
    folder = Folder(tmp_path, "net")
    assert folder.lack_of_room(megabyte, 2 * megabyte, 92) is None  # and last, best, final, and one being written
    warning = folder.lack_of_room(megabyte, 2 * megabyte, 93)
    assert str(warning) == (
        f"{tmp_path}: room for 100 MB of checkpoints, expected about 101 MB for those of the whole training. "
        "Make room, choose another folder, or fewer of them: --save-every."
    )
    folder.weights(100).write_bytes(bytes(megabyte))
    assert folder.lack_of_room(megabyte, 2 * megabyte, 93) is None
    folder.release()


def test_folders_that_take_no_files_are_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TrainingError, match="is a file, expected a folder"):
        Folder(tmp_path / "file", "net")
    with pytest.raises(TrainingError, match="no such folder"):
        Folder(tmp_path / "no" / "where", "net")
    if os.path.isdir("/proc/1"):  # noqa: PTH112
        with pytest.raises(TrainingError):
            Folder("/proc/1", "net")
