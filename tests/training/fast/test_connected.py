"""[connected] in fast training, against the plain form in float64."""

from __future__ import annotations

import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.engine.threads import Team
from darknetpy.graph import build_graph
from darknetpy.training.fast.connected import LoweredConnected
from darknetpy.training.fast.lowering import is_fast
from tests.training.fast.networks import END, POOL, Trial, assert_same_bits, conv, net, section

pytestmark = pytest.mark.quick


def dense(output: int, **options: object) -> str:
    return section("connected", output=output, **{"activation": "leaky", **options})


HEAD = dense(5, activation="linear") + "[softmax]\n"


@pytest.mark.parametrize("channels", [5, 16, 33])
@pytest.mark.parametrize("sides", [(1, 1), (4, 4), (3, 7), (20, 30)])
def test_behind_pictures(channels: int, sides: tuple[int, int]) -> None:
    """Values count in the order channel, row, column, however they lie."""
    program = Trial(net((3, *sides), conv(channels, batch_normalize=0), dense(20), HEAD)).check()
    assert isinstance(program._layers[1], LoweredConnected)


@pytest.mark.parametrize("shape", [(1, 6, 5), (3, 4, 4), (16, 1, 1), (4, 1, 1), (20, 2, 3)])
def test_the_networks_input(shape: tuple[int, int, int]) -> None:
    Trial(net(shape, dense(40), dense(17), HEAD), images=7).check()


@pytest.mark.parametrize("activation", ["linear", "leaky", "relu", "logistic", "tanh"])
@pytest.mark.parametrize("normalized", [0, 1])
def test_activations_and_batch_normalization(normalized: int, activation: str) -> None:
    hidden = dense(20, activation=activation, batch_normalize=normalized)
    Trial(net((3, 8, 8), conv(16), POOL, hidden, HEAD), images=6).check()


@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
@pytest.mark.parametrize("frozen", [(), (0,), (0, 1)])
def test_dialects_and_layers_that_stay_as_they_are(frozen: tuple[int, ...], dialect: str) -> None:
    layers = (conv(16), dense(20, batch_normalize=1), HEAD)
    Trial(net((3, 5, 4), *layers), images=6, frozen=frozen, dialect=dialect).check()


def test_many_values() -> None:
    Trial(net((3, 12, 12), conv(40, batch_normalize=0), dense(300), HEAD), images=20).check()


def test_pictures_and_what_a_dense_layer_reads_of_them_are_read_by_others_too() -> None:
    layers = (
        conv(20), dense(16), dense(20), section("route", layers=0), conv(16, batch_normalize=0), "[avgpool]\n",
        section("shortcut", **{"from": 1, "activation": "relu"}), HEAD,
    )  # fmt: skip
    Trial(net((3, 6, 5), *layers), images=5).check()


def test_convolutions_of_what_a_dense_layer_gives() -> None:
    Trial(net((3, 6, 5), dense(20), conv(17, 1, batch_normalize=0), END), images=5).check()


@pytest.mark.parametrize(("output", "fast"), [(40_000, True), (40_001, False)])
def test_very_many_weights_are_read_as_they_lie(output: int, fast: bool) -> None:
    graph = build_graph(parse_cfg(net((10, 10, 10), dense(output), HEAD)))
    assert is_fast(graph.nodes[0]) is fast


def test_bits_do_not_depend_on_threads() -> None:
    trial = Trial(net((3, 12, 12), conv(40), POOL, dense(100, batch_normalize=1), HEAD), images=20)
    program = trial.program()
    expected = trial.run(program, team=Team(1))
    for threads in (2, 3):
        assert_same_bits(trial.run(program, team=Team(threads, cores=4)), expected)
