"""The memory of a long training: python tools/train_long.py --iterations 20000

``darknetpy train`` learns from tiny pictures, with validations and checkpoints on the way; its resident memory is read
from the system as it passes some iterations. The exit code is 1 if it ever takes over ``--megabytes`` more than at the
first of them. There is no chart, whose library alone takes 40 MB; --options "" has one.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.training.bright import draw_all

ROOT = Path(__file__).resolve().parent.parent
SHARES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.95)
TAIL = 200  # bytes at the end of the metrics, in which the last row is


def resident(process: int) -> float | None:
    """The resident memory of a process in megabytes; None when it is gone."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return None
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else None


def iteration(metrics: Path) -> int:
    """The iteration of the last whole row."""
    if not metrics.exists():
        return 0
    with metrics.open("rb") as file:
        file.seek(max(0, metrics.stat().st_size - TAIL))
        rows = [line.partition(b",")[0] for line in file.read().split(b"\n")[:-1]]
    return int(rows[-1]) if rows and rows[-1].isdigit() else 0


def measured(iterations: int, options: list[str]) -> list[tuple[int, float]]:
    """Train; iterations and resident megabytes at the first moments behind each share, and at the last moment.

    Raises RuntimeError if the training fails.
    """
    readings: list[tuple[int, float]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = draw_all(Path(name), iterations)
        command = [sys.executable, "-m", "darknetpy", "train", "net.cfg", "pictures", "-q", *options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as process:
            while process.poll() is None:
                megabytes = resident(process.pid)
                if megabytes is not None:
                    readings.append((iteration(folder / "backup" / "net_metrics.csv"), megabytes))
                time.sleep(0.02)
            said = process.stderr.read() if process.stderr else ""
        if process.returncode:
            raise RuntimeError(f"exit code {process.returncode}: {said[-1000:]}")
    moments = [next(one for one in readings if one[0] >= share * iterations) for share in SHARES]
    return [*moments, readings[-1]]


def main(words: list[str] | None = None) -> int:
    """Measure and print; 1 if the memory grows."""
    parser = argparse.ArgumentParser(description="the memory of a long training")
    parser.add_argument("--iterations", type=int, default=20_000)
    parser.add_argument("--megabytes", type=float, default=5, help="that it may grow by [5]")
    parser.add_argument("--options", default="--no-chart", help="further options of darknetpy train [--no-chart]")
    arguments = parser.parse_args(words)
    begin = time.perf_counter()
    found = measured(arguments.iterations, shlex.split(arguments.options))
    for now, megabytes in found:
        print(f"{now:8,} iterations: {megabytes:7.1f} MB")
    growth = max(megabytes for _, megabytes in found) - found[0][1]
    print(f"{growth:+.1f} MB more than at the first, {time.perf_counter() - begin:.0f} s")
    return 1 if growth > arguments.megabytes else 0


if __name__ == "__main__":
    sys.exit(main())
