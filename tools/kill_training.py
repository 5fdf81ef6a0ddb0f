"""A training killed again and again: python tools/kill_training.py --kills 100 --seed 1

``darknetpy train`` learns from drawn pictures of 8 x 8 pixels, and is killed (SIGKILL) at random moments: while it
starts, computes, or (every second time) while a temporary file is there, which means while a checkpoint is written.
Each time it goes on with ``--resume``; a training that comes to its end is compared with one that nobody disturbed,
and the next one begins. What must hold:

- behind each kill: every weights file is byte by byte one that the undisturbed training had at some iteration, the
  state and the pictures can be read, every whole row of the metrics is the one of the undisturbed training;
- at the end: all weights and the state are the same, and the rows of the metrics but for their times; there is no lock
  and no temporary file any more.

Prints a line for each training that came to its end, then what the kills hit. The exit code is 1 if anything differs.
``--net`` and ``--options`` let the training use more: --net "adam=1 mosaic=1 angle=9" --options "--input-noise .1".
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from darknetpy.training.checkpoints import read_state
from tests.training.bright import draw_all

ROOT = Path(__file__).resolve().parent.parent
SAVE_EVERY = 100
TIMES = frozenset({"seconds"})  # columns of the metrics that no two trainings have in common
PATIENCE = 120  # seconds for a training that is not killed
REACH = 0.6  # of the time of a whole training, in which kills come


class Difference(Exception):
    """Something that must hold does not."""


class Reference(NamedTuple):
    """What the undisturbed training had."""

    weights: frozenset[bytes]  # of all iterations
    files: dict[str, bytes]  # those that are kept to the end
    rows: list[dict[str, str]]
    about: dict[str, Any]
    arrays: dict[str, np.ndarray]
    seconds: float


def start(folder: Path, backup: Path, *words: str) -> subprocess.Popen[str]:
    """The real command, in a process of its own; what it says goes to a file."""
    with (folder / "said.txt").open("w") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "darknetpy", "train", "net.cfg", "pictures", "--backup", str(backup),
             "--seed", "4", "--save-last-every", "1", *words],
            cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
        )  # fmt: skip


def finish(folder: Path, training: subprocess.Popen[str]) -> None:
    """Wait for the end; it must be a good one."""
    try:
        if training.wait(PATIENCE) != 0:
            raise Difference(f"exit code {training.returncode}: {(folder / 'said.txt').read_text()[-2000:]}")
    finally:
        training.kill()
        training.wait()


def rows(backup: Path) -> list[dict[str, str]]:
    """The whole rows of the metrics, without times; one that is cut short at the end is left out."""
    path = backup / "net_metrics.csv"
    text = path.read_text() if path.exists() else ""
    found = csv.DictReader(text[: text.rfind("\n") + 1].splitlines())
    return [{name: value for name, value in row.items() if name not in TIMES} for row in found]


def kept(backup: Path, weights: dict[str, bytes]) -> dict[str, bytes]:
    """The weights files that a training with the usual ``--save-every`` has at its end."""
    numbered = {name: name.removeprefix("net_").removesuffix(".weights") for name in weights}
    return {
        name: weights[name] for name, which in numbered.items() if not which.isdigit() or int(which) % SAVE_EVERY == 0
    }


def undisturbed(folder: Path, options: list[str]) -> Reference:
    """Train once without a kill, keep the weights of every iteration; then again, for the time it takes."""
    backup = folder / "every"
    finish(folder, start(folder, backup, "--save-every", "1", *options))
    weights = {path.name: path.read_bytes() for path in backup.glob("*.weights")}
    about, arrays = read_state(backup / "net_last.state")
    begin = time.perf_counter()
    finish(folder, start(folder, folder / "usual", "--save-every", str(SAVE_EVERY), *options))
    seconds = time.perf_counter() - begin
    reference = Reference(frozenset(weights.values()), kept(backup, weights), rows(backup), about, arrays, seconds)
    compare(folder / "usual", reference)
    return reference


def check_killed(backup: Path, reference: Reference) -> int:
    """What must hold behind a kill; the iteration of the state, -1 where there is none yet."""
    for path in backup.glob("net_*.weights"):
        if path.read_bytes() not in reference.weights:
            raise Difference(f"{path.name} is torn, or of another training")
    for path in backup.glob("*.png"):
        with Image.open(path) as picture:
            picture.load()
    for found, expected in zip(rows(backup), reference.rows, strict=False):
        if found != expected:
            raise Difference(f"a row of the metrics is {found}, expected {expected}")
    state = backup / "net_last.state"
    return int(read_state(state)[0]["training"]["iteration"]) if state.exists() else -1


def compare(backup: Path, reference: Reference) -> None:
    """What must hold at the end."""
    names = {path.name for path in backup.iterdir()}
    others = {name for name in names if name.endswith((".tmp", ".lock"))}
    if others:
        raise Difference(f"left behind: {others}")
    found = {path.name: path.read_bytes() for path in backup.glob("*.weights")}
    if found != reference.files:
        unlike = [name for name in {*found, *reference.files} if found.get(name) != reference.files.get(name)]
        raise Difference(f"other bytes, or not there: {sorted(unlike)}")
    if rows(backup) != reference.rows:
        raise Difference("the metrics have other rows")
    about, arrays = read_state(backup / "net_last.state")
    if about != reference.about:
        raise Difference(f"the state says {about}, expected {reference.about}")
    if arrays.keys() != reference.arrays.keys():
        raise Difference("the state has other arrays")
    for name, array in arrays.items():
        if not np.array_equal(array, reference.arrays[name]):
            raise Difference(f"the state has other values in {name}")


def kill(training: subprocess.Popen[str], backup: Path, after: float, writing: bool) -> bool:
    """Kill it after some seconds, or as soon as it writes a file after them; whether it still ran."""
    end = time.perf_counter() + after
    while time.perf_counter() < end and training.poll() is None:
        time.sleep(max(0, min(0.01, end - time.perf_counter())))
    while writing and training.poll() is None and not list(backup.glob(".darknetpy-*.tmp")):
        pass
    training.kill()
    return training.wait() < 0


def disturbed(
    folder: Path, options: list[str], reference: Reference, kills: int, chance: random.Random, seen: Counter[str]
) -> int:
    """One training, killed until it comes to its end or that often; how often it was. Then it is compared."""
    backup, resume = folder / f"killed-{seen['trainings']}", ["--save-every", str(SAVE_EVERY), *options]
    iteration, done = -1, 0
    while done < kills:
        after, writing = chance.uniform(0, REACH * reference.seconds), chance.random() < 0.5
        training = start(folder, backup, *resume)
        if not kill(training, backup, after, writing):
            finish(folder, training)
            break
        done += 1
        before, iteration = iteration, check_killed(backup, reference)
        seen["before anything was saved" if iteration < 0 else "and nothing new was saved" if iteration == before
             else "behind new iterations"] += 1  # fmt: skip
        seen["while a file was written"] += bool(list(backup.glob(".darknetpy-*.tmp")))
        seen["with a lock left"] += bool(list(backup.glob("*.lock")))
        if iteration >= 0 and "--resume" not in resume:
            resume.append("--resume")
    else:
        finish(folder, start(folder, backup, *resume))
    compare(backup, reference)
    seen["trainings"] += 1
    print(f"training {seen['trainings']}: {done} kills, the same bytes", flush=True)
    return done


def read_arguments(words: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="a training killed again and again")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--iterations", type=int, default=600, help="of a whole training [600]")
    parser.add_argument("--seed", type=int, default=1, help="of the moments [1]")
    parser.add_argument("--net", default="", help="lines for [net] of the cfg, with blanks between")
    parser.add_argument("--options", default="", help="further options of darknetpy train")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    """Kill and compare; 1 if something differs."""
    arguments = read_arguments(words)
    chance, seen, kills = random.Random(arguments.seed), Counter[str](), 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        draw_all(folder, arguments.iterations)
        cfg, options = folder / "net.cfg", shlex.split(arguments.options)
        cfg.write_text(cfg.read_text().replace("[net]", "\n".join(["[net]", *arguments.net.split()])))
        try:
            reference = undisturbed(folder, options)
            print(f"undisturbed: {reference.seconds:.1f} s", flush=True)
            while kills < arguments.kills:
                kills += disturbed(folder, options, reference, arguments.kills - kills, chance, seen)
        except Difference as difference:
            print(f"FAILED: {difference}")
            return 1
    trainings = seen.pop("trainings")
    print(f"{kills} kills, {trainings} trainings, all with the bytes of the undisturbed one. Killed:")
    print("\n".join(f"  {count:4} {what}" for what, count in sorted(seen.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
