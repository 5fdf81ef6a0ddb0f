"""What the C programs computed in training, against passes by kernels: every recorded case that they can run.

The plain form is held against the same numbers in test_golden_train.py, where the odd cases have our own answers; in
all cases the kernels are held against the plain form.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknetpy.training.fast.passes import FastPass, FastPasses, is_suitable
from darknetpy.training.passes import Pass, frozen_layers
from tests.golden.reader import Case, case_names
from tests.golden.trainings import Training, assert_near
from tests.test_golden_train import FORWARD_ONLY, OTHER_LOSS, OURS, check_gradients, check_outputs

pytestmark = pytest.mark.quick
KINDS = ("[convolutional]", "[maxpool]", "[avgpool]", "[shortcut]", "[route]", "[upsample]")
NAMES = [name for name in case_names("train") if any(kind in Case(name, "train").cfg for kind in KINDS)]
LEAST = 40
"""Of the recorded cases so many have a layer that runs fast."""


class Following:
    """The random numbers that were recorded, as many at a time as are asked for."""

    def __init__(self, training: Training) -> None:
        self._rows = training.random
        self._left = np.zeros(0, np.float32)

    def random(self, shape: tuple[int, ...]) -> np.ndarray:
        size = int(np.prod(shape))
        while len(self._left) < size:
            self._left = np.concatenate([self._left, self._rows.random((-1,))])
        taken, self._left = self._left[:size], self._left[size:]
        return taken.reshape(shape)

    def integers(self, low: int, high: int) -> int:
        return self._rows.integers(low, high)


def copied(one: FastPass, frozen: set[int]) -> Pass:
    """What a pass says, kept beyond the next one."""
    gradients = {index: {name: value.copy() for name, value in own.items()} for index, own in one.gradients.items()}
    outputs = {index: output.copy() for index, output in one.outputs.items()}
    return Pass(one.graph, frozen, outputs, dict(one.losses), gradients, pictures=one.pictures)


def fast_passes(training: Training) -> list[Pass]:
    """The mini-batches of one update; only the last layer's outputs are known."""
    passes, frozen, done = FastPasses(training.graph, threads=2), frozen_layers(training.graph), []
    random: Any = Following(training)  # which has what layers ask for
    for part in range(training.subdivisions):
        rows = slice(part * training.case.batch, (part + 1) * training.case.batch)
        one = passes.new(training.case.batch, frozen, repack=True, adding=False)
        one.forward(training.input[rows], training.truth[rows], random=random)
        one.backward()
        done.append(copied(one, frozen))
    return done


@pytest.mark.parametrize("name", NAMES)
def test_passes_by_kernels(name: str, tmp_path: Path) -> None:
    training = Training(name, tmp_path)
    if not is_suitable(training.graph):
        pytest.skip("recurrent layers, shared arrays, or options that have no fast form")
    passes, plain = fast_passes(training), Training(name, tmp_path).passes()
    for one, other in zip(passes, plain, strict=True):
        check_agreement(one, other, training)
    if name in OURS:
        return
    check_outputs(training, passes)
    if name not in FORWARD_ONLY:
        check_gradients(training, passes)
    if name not in OTHER_LOSS and "cost" in training.about["arrays"]:
        assert_near([one.loss for one in passes], training.recorded("cost"), training.tolerance, "cost")


def check_agreement(one: Pass, plain: Pass, training: Training) -> None:
    for index, output in one.outputs.items():
        assert_near(output, plain.outputs[index], training.tolerance, f"output of layer {index}")
    assert one.losses.keys() == plain.losses.keys()
    for index, loss in plain.losses.items():
        assert_near([one.losses[index]], np.array([loss]), training.tolerance, f"loss of layer {index}")
    assert one.gradients.keys() == plain.gradients.keys()
    for index, arrays in plain.gradients.items():
        assert one.gradients[index].keys() == arrays.keys()
        size = max(float(np.abs(gradient).max()) for gradient in arrays.values())
        for name, gradient in arrays.items():
            assert_near(one.gradients[index][name], gradient, training.tolerance, f"{name} of layer {index}", size)


def test_many_cases_can_be_run(tmp_path: Path) -> None:
    assert sum(is_suitable(Training(name, tmp_path).graph) for name in NAMES) >= LEAST
