"""[dropout] in fast training, against the plain form in float64: both draw the same numbers."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.engine.threads import Team
from darknetpy.training.fast.dropping import LoweredDropout
from tests.training.fast.networks import END, Trial, assert_same_bits, conv, net, section

pytestmark = pytest.mark.quick
HEAD = conv(6, 1, batch_normalize=0)
DENSE = section("connected", output=5, activation="linear") + "[softmax]\n"


def dropout(probability: float = 0.4) -> str:
    return section("dropout", probability=probability)


@pytest.mark.parametrize("activation", ["leaky", "relu", "linear", "mish"])
@pytest.mark.parametrize("probability", [0, 0.3, 0.9])
@pytest.mark.parametrize("filters", [16, 21])
def test_behind_convolutions(filters: int, probability: float, activation: str) -> None:
    layers = (conv(filters, activation=activation), dropout(probability), HEAD)
    program = Trial(net((3, 7, 8), *layers, END)).check()
    assert isinstance(program._layers[1], LoweredDropout)


def test_behind_pools_and_dense_layers() -> None:
    hidden = section("connected", output=40, activation="relu")
    Trial(net((3, 8, 8), conv(16), "[avgpool]\n", dropout(0.2), hidden, dropout(), DENSE), images=6).check()


def test_drawing_goes_on_from_layer_to_layer() -> None:
    """The second layer's numbers follow the first one's, also where a layer between them runs plainly."""
    layers = (conv(16), dropout(), section("reorg", stride=2), dropout(), dropout(0.1), HEAD)
    Trial(net((3, 8, 6), *layers, END)).check()


def test_layers_that_read_around_it_see_the_dropped_values() -> None:
    layers = (
        conv(16), dropout(), conv(16), section("shortcut", **{"from": 0, "activation": "leaky"}), dropout(),
        section("route", layers="0,-1"), HEAD,
    )  # fmt: skip
    Trial(net((3, 7, 8), *layers, END)).check()


@pytest.mark.parametrize("frozen", [(0,), (0, 1), (0, 1, 2)])
def test_nothing_is_dropped_in_layers_that_stay_as_they_are(frozen: tuple[int, ...]) -> None:
    Trial(net((3, 7, 8), conv(16), dropout(), conv(16), HEAD, END), frozen=frozen).check()


def test_each_pass_draws_anew_and_about_as_many_as_asked() -> None:
    trial = Trial(net((3, 20, 20), conv(16, activation="linear"), dropout(0.25), HEAD, END))
    program = trial.program()
    layer = program._layers[1]
    assert isinstance(layer, LoweredDropout)
    random, seen = np.random.default_rng(1), []
    for _ in range(2):
        program.forward(trial.batch, trial.truths, random, trial.team, trial.scratch, repack=True)
        seen.append(program._plan.view(layer._kept).copy())
    assert not np.array_equal(*seen)
    for kept in seen:
        assert set(np.unique(kept)) == {np.float32(0), np.float32(1 / 0.75)}
        assert 0.22 < (kept == 0).mean() < 0.28


def test_bits_do_not_depend_on_threads() -> None:
    trial = Trial(net((3, 20, 20), conv(32), dropout(), HEAD, END), images=4)
    program = trial.program()
    expected = trial.run(program, team=Team(1))
    for threads in (2, 3):
        assert_same_bits(trial.run(program, team=Team(threads, cores=4)), expected)
