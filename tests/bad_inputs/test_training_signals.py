"""Row CLI-019: Ctrl-C and SIGTERM at any moment of a training save it, and end it with 130 and 143."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from darknetpy.training.checkpoints import read_state
from tests.cli.processes import PATIENCE, clean_environment
from tests.training.bright import draw_all

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")

ITERATIONS = 30
INT, TERM = signal.SIGINT, signal.SIGTERM
STEP, VALIDATION, STATE = "step.Training.step", "loop.Loop._validated", "checkpoints.write_state"
SLOW = """
import sys, time
from darknetpy.cli.main import main
from darknetpy.training import checkpoints, dataset, loader, loop, step
place, call = {place!r}, {call}
*owner, name = place.split(".")
found = globals()[owner[0]]
for part in owner[1:]:
    found = getattr(found, part)
real, calls = getattr(found, name), 0

def slow(*arguments, **named):
    global calls
    calls += 1
    if calls == call:
        print("HERE", flush=True)
        time.sleep({seconds})
    return real(*arguments, **named)

setattr(found, name, slow)
if hasattr(loop, name):
    setattr(loop, name, slow)
words = ["train", "net.cfg", "pictures", "--iterations", "{iterations}", "--save-last-every", "4"]
sys.exit(main([*words, *sys.argv[1:]]))
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``net.cfg``, ``pictures``, and in ``whole`` what a training that nobody disturbed wrote."""
    folder = draw_all(tmp_path_factory.mktemp("whole"), ITERATIONS)
    run(folder, "--backup", "whole")
    return folder


def run(folder: Path, *words: str) -> None:
    command = [sys.executable, "-m", "darknetpy", "train", "net.cfg", "pictures", "-q", *words]
    subprocess.run(command, cwd=folder, env=clean_environment(), check=True, timeout=PATIENCE)


def stop(folder: Path, backup: Path, place: str, call: int, number: signal.Signals, times: int = 1) -> tuple[int, str]:
    """Send a signal that often while a call of a function lasts; exit code and what was said on standard error."""
    seconds = 0.3 if times == 1 else 60
    code = SLOW.format(place=place, call=call, seconds=seconds, iterations=ITERATIONS)
    with subprocess.Popen(
        [sys.executable, "-c", code, "--backup", str(backup)], cwd=folder, env=clean_environment(),
        text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            for line in process.stdout:
                if line == "HERE\n":
                    break
            process.send_signal(number)
            if times == 2:
                for line in process.stderr:
                    if "once more stops at once" in line:
                        break
                process.send_signal(number)
            _, said = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    return process.returncode, said


def assert_goes_on(folder: Path, backup: Path, saved: int) -> None:
    """Nothing half-written, the state of that iteration; and going on from there ends with the usual bytes."""
    assert not list(backup.glob(".*")) + list(backup.glob("*.lock"))
    about, _ = read_state(backup / "net_last.state")
    assert about["training"]["iteration"] == saved
    run(folder, "--backup", str(backup), "--resume", "--iterations", str(ITERATIONS))
    for path in (folder / "whole").glob("*.weights"):
        assert (backup / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize(
    ("place", "call", "saved", "number"),
    [
        pytest.param(STEP, 1, 1, TERM, id="in the first iteration"),
        pytest.param(STEP, 7, 7, INT, id="in an iteration"),
        pytest.param(VALIDATION, 6, 6, TERM, id="while validating"),
        pytest.param(STATE, 2, 4, INT, id="while a state is written"),
    ],
)
def test_a_signal_ends_it_behind_the_iteration(
    tmp_path: Path, whole: Path, place: str, call: int, saved: int, number: signal.Signals
) -> None:
    code, said = stop(whole, tmp_path / "backup", place, call, number)
    assert code == 128 + number
    assert said.splitlines()[-1] == f"stopped behind iteration {saved}; --resume goes on from there"
    assert_goes_on(whole, tmp_path / "backup", saved)


@pytest.mark.parametrize(
    ("place", "call", "saved", "number"),
    [
        pytest.param(STEP, 7, 4, INT, id="in an iteration"),
        pytest.param(VALIDATION, 6, 4, INT, id="while validating"),
        pytest.param(STATE, 3, 4, TERM, id="while a state is written"),
    ],
)
def test_the_second_signal_ends_it_at_once(
    tmp_path: Path, whole: Path, place: str, call: int, saved: int, number: signal.Signals
) -> None:
    """What was saved last stays."""
    code, said = stop(whole, tmp_path / "backup", place, call, number, times=2)
    assert code == 128 + number
    assert "Traceback" not in said
    assert_goes_on(whole, tmp_path / "backup", saved)


@pytest.mark.parametrize("number", [INT, TERM])
def test_a_signal_before_the_training_leaves_nothing(tmp_path: Path, whole: Path, number: signal.Signals) -> None:
    code, said = stop(whole, tmp_path / "backup", "dataset.read_dataset", 1, number)
    assert code == 128 + number
    assert "Traceback" not in said
    assert list((tmp_path / "backup").iterdir()) == []
