"""A whole training, with pictures that are read and changed at random, against its steps alone."""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tools.peers.lessons import LONG, Plan, lesson_text

AUGMENTATION = {"angle": 7, "aspect": 0.75, "hue": 0.1, "saturation": 0.75, "exposure": 0.75}
"""What Darknet's cfgs for photos say; pictures are cut and mirrored anyway."""
UNTIMED = 4  # iterations before those that count: more than batches are ready while steps have their turn
PAUSE = 0.5  # seconds in which these become ready
SECONDS = 2  # of a turn, about
Figures = dict[str, Any]


def measure(text: str, plan: Plan, data: Path, threads: int, turns: int) -> Figures:
    """Iterations of the training and steps with one of its batches, in turns of some seconds.

    Returns pictures a second, by the median of the turns: ``steps``; ``first``, while there are pictures that have not
    been read yet; ``later``, from the second time on. Those without a turn are None.
    """
    from darknetpy.adaptation import adapt
    from darknetpy.config.sections import parse_cfg
    from darknetpy.errors import Findings
    from darknetpy.training.dataset import read_dataset
    from darknetpy.training.opening import Request, open_training

    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        classes = len(read_dataset(data).names)
        cfg = adapt(parse_cfg(lesson_text(text, plan, AUGMENTATION)), classes).after
        request = Request(cfg=cfg, data=data, backup=folder, iterations=LONG, threads=threads)
        with open_training(request, Findings()) as opened:
            pictures = len(opened.samples)
            return {"batch": plan.batch, "pictures": pictures, **_in_turns(opened.loop, pictures, turns)}


def _in_turns(loop: Any, pictures: int, turns: int) -> Figures:
    iterations, batch = loop.iterations(), list[tuple[np.ndarray, np.ndarray]]()

    def iterate() -> None:
        next(iterations)

    def step() -> None:
        loop.training.step(batch)

    def keep(shown: np.ndarray, truths: np.ndarray) -> None:
        if not batch:
            batch.append((shown.copy(), truths.copy()))

    loop.fed = keep
    seen, found = 0, Figures()
    for _ in range(turns):
        begin = loop.training.iteration
        rate = loop.batch / _mean_seconds(iterate)
        seen += loop.batch * (loop.training.iteration - begin)
        found.setdefault("first" if seen <= pictures else "later", []).append(rate)
        time.sleep(PAUSE)
        found.setdefault("steps", []).append(loop.batch / _mean_seconds(step))
    return {name: statistics.median(found[name]) if name in found else None for name in ("steps", "first", "later")}


def _mean_seconds(run: Callable[[], None]) -> float:
    """Of the runs of a turn, after a few that do not count."""
    for _ in range(UNTIMED):
        run()
    begin, count = time.perf_counter(), 0
    while not count or time.perf_counter() - begin < SECONDS:
        run()
        count += 1
    return (time.perf_counter() - begin) / count


def line(name: str, figures: Figures) -> str:
    """The figures in words."""
    parts = [f"{name}, {figures['pictures']:,} pictures, batch {figures['batch']}"]
    parts.append(f"{figures['steps']:,.1f} a second in steps alone")
    for when, text in (("first", "when pictures are read for the first time"), ("later", "later")):
        if figures[when] is not None:
            share = figures[when] / figures["steps"]
            parts.append(f"{figures[when]:,.1f} ({100 * share:.1f} %) in the whole training {text}")
    return ", ".join(parts)
