"""Rows TRAIN-007 to 013 of the catalogue: full disks, folders that vanish, kills, odd names; nothing is lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from darknetpy.cli.main import main
from darknetpy.config.sections import parse_cfg
from darknetpy.errors import DarknetpyWarning
from darknetpy.graph import build_graph, initial_weights
from darknetpy.training.checkpoints import Folder, read_state
from darknetpy.training.dataset import read_dataset
from darknetpy.training.loop import Loop, Settings
from tests.cli.processes import PATIENCE, clean_environment
from tests.training.bright import CFG, draw_all

ITERATIONS = 40
WORDS = ["train", "net.cfg", "pictures", "--save-last-every", "1", "--save-every", "5", "--iterations", str(ITERATIONS)]
READ_ONLY = "the folder is read-only, expected one that may be written to. Choose another one."
posix_only = pytest.mark.skipif(os.name == "nt", reason="signals and users as POSIX has them")


@pytest.fixture
def bright(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with ``net.cfg`` and ``pictures``."""
    monkeypatch.chdir(tmp_path)
    return draw_all(tmp_path, ITERATIONS)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A disk of its own of the size that is asked for (a second time: which changes)."""
    place = tmp_path / "disk"

    def mount(size: str) -> Path:
        again = "remount," if place.exists() else ""
        place.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"{again}size={size}", "tmpfs", str(place)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("needs the right to mount a tmpfs")
        return place

    yield mount
    subprocess.run(["umount", str(place)], capture_output=True, check=False)


def weights(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.weights")}


def rows(folder: Path) -> list[str]:
    """The metrics without the times."""
    table = [line.split(",") for line in (folder / "net_metrics.csv").read_text().splitlines()]
    times = table[0].index("seconds")
    return [",".join(line[:times] + line[times + 1 :]) for line in table]


def assert_same(folder: Path, other: Path) -> None:
    """Both trainings came to the same end, and left nothing else."""
    assert weights(folder) == weights(other)
    assert rows(folder) == rows(other)
    assert len(rows(folder)) == ITERATIONS + 1
    assert not list(folder.glob("*.tmp")) + list(folder.glob(".*.tmp")) + list(folder.glob("*.lock"))


def assert_whole(folder: Path, every: Path) -> None:
    """Each file is one that the undisturbed training had, too; the state can be read."""
    known = set(weights(every).values())
    assert all(content in known for content in weights(folder).values())
    assert not list(folder.glob(".*.tmp")) + list(folder.glob("*.lock"))
    read_state(folder / "net_last.state")


def test_a_disk_that_is_full_to_the_end(
    bright: Path, small_disk: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """TRAIN-007: warnings on the way, exit 1 at the end; all that was saved is there, and goes on with more room."""
    assert main([*WORDS, "--backup", "every", "--save-every", "1"]) == 0
    assert main([*WORDS, "--backup", "whole"]) == 0
    capsys.readouterr()
    disk = small_disk("28k")
    words = [*WORDS, "--backup", str(disk)]
    assert main(words) == 1
    said = capsys.readouterr().err.splitlines()
    warnings = [line for line in said if line.startswith("warning: ")]
    assert any("_last.weights: cannot write the file: No space left on device" in line for line in warnings)
    assert any("The training goes on, and tries again at the next checkpoint." in line for line in warnings)
    assert said[-1].startswith(f"error: {disk}")
    assert "No space left on device" in said[-1]
    assert not (disk / "net_final.weights").exists()
    assert_whole(disk, bright / "every")
    small_disk("1m")
    assert main([*words, "--resume"]) == 0
    assert_same(disk, bright / "whole")


def test_a_disk_that_is_full_for_a_while(
    bright: Path,
    small_disk: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """TRAIN-007: with room in the end, all is there but the checkpoints that stay and could not be written."""
    assert main([*WORDS, "--backup", "whole"]) == 0
    disk = small_disk("300k")
    write = Loop._save_when_due

    def write_on_a_changing_disk(loop: Loop) -> None:
        iteration = loop.training.iteration
        if iteration == 12:
            free = shutil.disk_usage(disk).free
            (disk / "ballast").write_bytes(bytes(free))
        if iteration == 28:
            (disk / "ballast").unlink()
        write(loop)

    monkeypatch.setattr(Loop, "_save_when_due", write_on_a_changing_disk)
    capsys.readouterr()
    assert main([*WORDS, "--backup", str(disk)]) == 0
    assert "net_15.weights: cannot write the file: No space left on device" in capsys.readouterr().err
    there = weights(disk)
    assert {name: content for name, content in weights(bright / "whole").items() if name in there} == there
    assert set(weights(bright / "whole")) - set(there) == {"net_15.weights", "net_20.weights", "net_25.weights"}
    assert rows(disk) == rows(bright / "whole")


def test_a_disk_that_is_full_from_the_beginning(
    bright: Path, small_disk: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """TRAIN-007: said before the first iteration."""
    disk = small_disk("16k")
    (disk / "ballast").write_bytes(bytes(shutil.disk_usage(disk).free))
    assert main([*WORDS, "--backup", str(disk)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "No space left on device" in err.splitlines()[-1]
    assert [path.name for path in disk.iterdir()] == ["ballast"]


def test_a_disk_that_is_too_small_is_told_before_the_start(
    bright: Path, small_disk: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """TRAIN-007"""
    text = CFG.format(iterations=2).replace("[convolutional]", "[connected]\noutput=400\n\n[convolutional]", 1)
    (bright / "net.cfg").write_text(text.replace("[maxpool]\nsize=2\nstride=2\n\n", ""))
    disk = small_disk("1m")
    assert main(["train", "net.cfg", "pictures", "--backup", str(disk)]) == 1
    said = capsys.readouterr().err.splitlines()
    warning = f"warning: {disk}: room for 1 MB of checkpoints, expected about 3 MB for those of the whole training. "
    assert said[0].startswith(warning)
    assert said[-2] == f"{disk / 'net_last.state'} is that of iteration 0"
    assert "No space left on device" in said[-1]
    assert read_state(disk / "net_last.state")[0]["training"]["iteration"] == 0


def test_a_disk_that_is_read_only(
    bright: Path, small_disk: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    disk = small_disk("1m")
    assert main([*WORDS, "--backup", str(disk), "--iterations", "9"]) == 0
    before = {path.name: path.read_bytes() for path in disk.iterdir()}
    small_disk("1m,ro")
    capsys.readouterr()
    for words in ([], ["--resume"]):
        assert main([*WORDS, "--backup", str(disk), *words]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert (
            err == f"error: {disk}: the folder is read-only, expected one that may be written to. Choose another one.\n"
        )
    assert {path.name: path.read_bytes() for path in disk.iterdir()} == before


def loop(folder: Path, told: list[DarknetpyWarning]) -> Loop:
    """The training of these words from Python, in the current folder."""
    graph = build_graph(parse_cfg(CFG.format(iterations=ITERATIONS), "net.cfg"), training=True)
    initial_weights(graph, 0)
    data = read_dataset("pictures")
    assert data.training is not None
    settings = Settings(save_every=5, save_last_every=1)
    return Loop(graph, data.training, data.validation, Folder(folder, "net"), settings, report=told.append)


def train(folder: Path, at: dict[int, Callable[[], object]]) -> list[DarknetpyWarning]:
    """Train to the end; something happens behind these iterations. What was reported."""
    told: list[DarknetpyWarning] = []
    with loop(folder, told) as training:
        for progress in training.iterations():
            at.get(progress.figures.iteration, lambda: None)()
    training.folder.release()
    return told


@posix_only
def test_a_folder_that_is_read_only_for_a_while(monkeypatch: pytest.MonkeyPatch, folder_of_ordinary_user: Path) -> None:
    """TRAIN-008. In this order: who is an ordinary user may not be let back into the folder that it came from."""
    monkeypatch.chdir(draw_all(folder_of_ordinary_user, ITERATIONS))
    backup = folder_of_ordinary_user / "backup"
    told = train(backup, {12: lambda: backup.chmod(0o500), 28: lambda: backup.chmod(0o700)})
    assert "its folder is read-only" in str(told[0])
    assert {f"net_{number}.weights" for number in (5, 10, 30, 35, 40)} < set(weights(backup))
    assert not (backup / "net_20.weights").exists()
    assert [line.partition(",")[0] for line in rows(backup)[1:]] == [str(number) for number in range(1, ITERATIONS + 1)]
    assert (backup / "net_final.weights").exists()


@pytest.mark.parametrize("removed", ["folder", "folder above", "files"])
@posix_only
def test_a_folder_that_is_removed_while_training(bright: Path, removed: str) -> None:
    """TRAIN-008: it is made again; only the checkpoints of the time before are lost."""
    assert train(bright / "whole", {}) == []
    above = bright / "above"
    above.mkdir()
    backup = above / "backup"
    what: dict[str, Callable[[], object]] = {
        "folder": lambda: shutil.rmtree(backup),
        "folder above": lambda: shutil.rmtree(above),
        "files": lambda: [path.unlink() for path in backup.iterdir()],
    }
    told = train(backup, {17: what[removed]})
    assert [str(warning) for warning in told] == [
        f"{backup}: the folder was emptied or removed. What is saved from now on will be there again."
    ]
    before = {f"net_{number}.weights" for number in (5, 10, 15)}
    assert weights(backup) == {
        name: content for name, content in weights(bright / "whole").items() if name not in before
    }
    assert rows(backup) == rows(bright / "whole")


# ---- two at once, and kills ----


def start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "darknetpy", *words], env=clean_environment(), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip


@posix_only
def test_one_training_at_a_time_writes_to_a_folder(bright: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """TRAIN-010; the lock of one that was killed (TRAIN-009) stands in nobody's way."""
    words = [*WORDS[:-1], "100000"]
    with start(*words) as first:
        try:
            assert first.stdout is not None
            first.stdout.readline()
            assert main(words) == 1
            message = (
                f"error: backup: another training (process {first.pid}) writes there, expected a folder of its own"
            )
            assert capsys.readouterr().err.startswith(message)
            assert main([*WORDS, "--backup", "other"]) == 0
            assert first.poll() is None
        finally:
            first.send_signal(signal.SIGKILL)
            first.stdout.read()
            first.wait(PATIENCE)
    lock = bright / "backup" / "net_training.lock"
    assert lock.exists()
    lock.write_text(f"process {os.getpid()}\n")  # as in a new container, where numbers begin anew
    iteration = read_state(bright / "backup" / "net_last.state")[0]["training"]["iteration"]
    assert main([*words, "--resume", "--iterations", str(iteration + 3)]) == 0
    assert not lock.exists()


# ---- names ----

LONG = "x" * 120


@pytest.mark.parametrize(
    ("row", "cfg", "base"),
    [
        ("TRAIN-011", "a.b.cfg", "a.b"),
        ("TRAIN-011", "a.cfg.cfg", "a.cfg"),
        ("TRAIN-011", "a", "a"),
        ("TRAIN-012", "100% %s %n of it.cfg", "100% %s %n of it"),
        ("TRAIN-012", "größe 大 🙂.cfg", "größe 大 🙂"),
        ("TRAIN-012", "-x.cfg", "-x"),
        ("TRAIN-013", f"{LONG}.cfg", LONG),
    ],
)
def test_files_are_named_after_the_cfg(bright: Path, row: str, cfg: str, base: str) -> None:
    (bright / cfg).write_text(CFG.format(iterations=2))
    path = f"./{cfg}" if cfg.startswith("-") else cfg
    assert main(["train", path, "pictures", "-q"]) == 0
    expected = {f"{base}_last.state", *(f"{base}_{which}.weights" for which in ("last", "best", "final"))}
    found = {entry.name for entry in (bright / "backup").iterdir()}
    assert expected <= found
    assert all(name.startswith(base) for name in found)
    assert main(["train", path, "pictures", "-q", "--resume", "--iterations", "3"]) == 0


@pytest.mark.parametrize("other", ["a.cfg", "a.b.cfg"])
def test_names_with_dots_do_not_take_each_others_place(bright: Path, other: str) -> None:
    """TRAIN-011"""
    for name in ("a.c.cfg", other):
        (bright / name).write_text(CFG.format(iterations=2))
    assert main(["train", "a.c.cfg", "pictures", "-q"]) == 0
    before = (bright / "backup" / "a.c_final.weights").read_bytes()
    assert main(["train", other, "pictures", "-q", "--seed", "9"]) == 0
    assert (bright / "backup" / "a.c_final.weights").read_bytes() == before


def test_paths_may_be_long(bright: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """TRAIN-013: as long as the system allows; longer ones are an error before the work."""
    backup = bright.joinpath(*["y" * 100] * 4)
    backup.parent.mkdir(parents=True)
    assert len(str(backup)) > 400
    assert main([*WORDS, "-q", "--backup", str(backup)]) == 0
    assert (backup / "net_final.weights").exists()
    assert main([*WORDS, "-q", "--backup", "z" * 300]) == 1
    assert "File name too long" in capsys.readouterr().err
    long = bright / f"{'n' * 240}.cfg"
    long.write_text(CFG.format(iterations=2))
    assert main(["train", long.name, "pictures"]) == 1
    message = "error: backup: a cfg with a name of 240 bytes, expected at most 236, for its checkpoints' names."
    assert capsys.readouterr() == ("", f"{message} Give the cfg a shorter name.\n")
    assert list((bright / "backup").iterdir()) == []
