"""The tool that kills trainings: it kills, and it would find what is torn or differs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.training.bright import draw_all
from tools import kill_training
from tools.kill_training import Difference, check_killed, compare, finish, start, undisturbed

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")


def test_killed_trainings_end_with_the_same_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    assert kill_training.main(["--kills", "2", "--iterations", "100", "--seed", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("2 kills, ") and "with the bytes of the undisturbed one" in line for line in lines)


def test_what_is_torn_or_differs_is_found(tmp_path: Path) -> None:
    folder = draw_all(tmp_path, 20)
    reference = undisturbed(folder, [])
    good = folder / "usual"
    compare(good, reference)
    assert check_killed(good, reference) == 20
    weights, state, metrics = (good / f"net_{name}" for name in ("last.weights", "last.state", "metrics.csv"))
    (good / "net_final.weights").unlink()
    with pytest.raises(Difference, match="net_final"):
        compare(good, reference)
    shutil.copy(weights, good / "net_final.weights")
    for path in (weights, metrics):
        whole = path.read_bytes()
        path.write_bytes(whole[:-30] + b"0" + whole[-29:])
        for check in (compare, check_killed):
            with pytest.raises(Difference):
                check(good, reference)
        path.write_bytes(whole)
    (good / "net_training.lock").touch()
    with pytest.raises(Difference, match="left behind"):
        compare(good, reference)
    state.write_bytes(state.read_bytes()[:-30])
    with pytest.raises(ValueError, match="the state cannot be read"):
        check_killed(good, reference)


def test_a_training_that_fails_is_found(tmp_path: Path) -> None:
    folder = draw_all(tmp_path, 20)
    with pytest.raises(Difference, match=r"exit code 1: .*net_last.state: no such file"):
        finish(folder, start(folder, folder / "backup", "--resume"))
