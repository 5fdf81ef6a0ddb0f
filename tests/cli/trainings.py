"""Progress of trainings that never were, and a clock that tests turn."""

from __future__ import annotations

import numpy as np

from darknetpy.config.sections import parse_cfg
from darknetpy.evaluation.tally import Tally
from darknetpy.graph import build_graph
from darknetpy.training.progress import Progress
from darknetpy.training.step import Figures
from tests.cli.conftest import CFG

GRAPH = build_graph(parse_cfg(CFG, "small.cfg"))


class Clock:
    """Shows what it is set to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def tally_of(right: int, count: int) -> Tally:
    """Of that many pictures so many right."""
    tally = Tally(["cat", "dog"])
    tally.add(np.repeat(np.array([[0.75, 0.25]], np.float32), count, axis=0), [0] * right + [1] * (count - right))
    return tally


def progress(iteration: int, loss: float = 1.25, validation: Tally | None = None) -> Progress:
    """After an iteration of 32 pictures, 64 a second."""
    figures = Figures(iteration, 32 * iteration, rate=0.001, loss=loss, average=1.5, losses={3: loss}, accuracy=0.5)
    return Progress(
        figures, pictures_per_second=64.0, seconds_left=0.0, validation=validation, is_best=validation is not None,
        monitored=None, graph=GRAPH,
    )  # fmt: skip
