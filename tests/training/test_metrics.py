"""The files of figures: what is in them, and what of them stays when a training goes on."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path

import pytest

from darknetpy.errors import DarknetpyWarning, TrainingError
from darknetpy.training.checkpoints import Folder
from darknetpy.training.metrics import COLUMNS, Metrics

HEADING = ",".join(COLUMNS)


def row(iteration: int) -> dict[str, object]:
    return {
        "iteration": iteration, "pictures": 4 * iteration, "loss": 1 / 3, "average": 0.5, "rate": 1e-7,
        "seconds": 0.25, "accuracy": 0.75 if iteration % 2 else None, "losses": {3: 1 / 3}, "replaced": 0,
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path, "net")


def write(folder: Folder, keep: int, iterations: range) -> None:
    metrics = Metrics(folder, keep, pytest.fail)
    for iteration in iterations:
        metrics.add(row(iteration))
    metrics.close()


def read(folder: Folder) -> list[int]:
    """The iterations in both files, which must agree."""
    with folder.file("metrics.csv").open() as file:
        table = [int(line["iteration"]) for line in csv.DictReader(file)]
    objects = [json.loads(line)["iteration"] for line in folder.file("metrics.jsonl").read_text().splitlines()]
    assert table == objects
    return table


def test_both_files_have_all_figures(folder: Folder) -> None:
    write(folder, 0, range(1, 3))
    lines = folder.file("metrics.csv").read_text().splitlines()
    assert lines == [HEADING, f"1,4,{1 / 3!r},0.5,1e-07,0.25,0.75", f"2,8,{1 / 3!r},0.5,1e-07,0.25,"]
    first, second = map(json.loads, folder.file("metrics.jsonl").read_text().splitlines())
    assert first == {**row(1), "losses": {"3": 1 / 3}}
    assert second["accuracy"] is None


@pytest.mark.parametrize(("keep", "left"), [(0, 0), (3, 3), (9, 6)])
def test_rows_behind_the_saved_state_are_cut_off(folder: Folder, keep: int, left: int) -> None:
    write(folder, 0, range(1, 7))
    write(folder, keep, range(left + 1, left + 3))
    assert read(folder) == list(range(1, left + 3))


def test_a_row_cut_short_by_a_kill_is_taken_out_at_any_byte(folder: Folder) -> None:
    for name, heading in (("metrics.csv", HEADING), ("metrics.jsonl", "")):
        write(folder, 0, range(1, 3))
        whole = folder.file(name).read_bytes()
        for length in range(len(whole)):
            folder.file(name).write_bytes(whole[:length])
            Metrics(folder, 5, pytest.fail).close()
            rows = max(whole[:length].count(b"\n") - bool(heading), 0)
            kept = whole.splitlines(keepends=True)[: rows + bool(heading)]
            assert folder.file(name).read_bytes() == b"".join(kept)


def test_something_else_of_that_name_is_written_anew(folder: Folder) -> None:
    for name in ("metrics.csv", "metrics.jsonl"):
        folder.file(name).write_bytes(b"\0\xff not a table\n1,2,3\n")
    write(folder, 5, range(1, 3))
    assert read(folder) == [1, 2]


def test_a_folder_in_the_way_is_an_error_at_once(folder: Folder) -> None:
    folder.file("metrics.csv").mkdir()
    with pytest.raises(TrainingError, match="the metrics cannot be written"):
        Metrics(folder, 0, pytest.fail)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full")  # noqa: PTH110
def test_a_full_disk_is_reported_and_the_training_goes_on(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[DarknetpyWarning] = []
    metrics = Metrics(folder, 0, told.append)
    metrics.add(row(1))
    table = metrics._table
    real = table._file
    with Path("/dev/full").open("r+b", buffering=0) as full:
        monkeypatch.setattr(table, "_cut", lambda: None)
        table._file = full
        metrics.add(row(2))
        table._file = real
    metrics.add(row(3))
    metrics.close()
    assert [warning.found for warning in told] == ["a row of the metrics cannot be written (No space left on device)"]
    assert read(folder) == [1, 2, 3]


def test_files_that_somebody_removed_are_written_again(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "backup", "net")
    metrics = Metrics(folder, 0, pytest.fail)
    for iteration in range(1, 4):
        metrics.add(row(iteration))
    shutil.rmtree(tmp_path / "backup")
    assert folder.restore()
    for iteration in range(4, 6):
        metrics.add(row(iteration))
    metrics.close()
    assert read(folder) == [1, 2, 3, 4, 5]


def test_rows_wait_for_a_folder_that_is_gone(tmp_path: Path) -> None:
    told: list[DarknetpyWarning] = []
    folder = Folder(tmp_path / "backup", "net")
    metrics = Metrics(folder, 0, told.append)
    metrics.add(row(1))
    shutil.rmtree(tmp_path / "backup")
    metrics.add(row(2))
    assert [Path(str(warning.path)).name for warning in told] == ["net_metrics.csv", "net_metrics.jsonl"]
    folder.restore()
    metrics.add(row(3))
    metrics.close()
    assert read(folder) == [1, 2, 3]
