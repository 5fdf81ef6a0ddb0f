"""[shortcut] in fast training, against the plain form in float64."""

from __future__ import annotations

import pytest

from darknetpy.engine.threads import Team
from darknetpy.training.fast.shortcuts import LoweredShortcut
from tests.training.fast.networks import END, Trial, assert_same_bits, conv, net, section

pytestmark = pytest.mark.quick
HEAD = conv(6, 1, batch_normalize=0)
ACTIVATIONS = ["linear", "leaky", "relu", "mish", "normalize_channels"]


def shortcut(source: int, activation: str = "linear", **options: object) -> str:
    return section("shortcut", **{"from": source, "activation": activation, **options})


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_sums_of_one_shape(activation: str) -> None:
    """As in a ResNet: the last convolution before a sum has no activation."""
    layers = (conv(20), conv(16, 1), conv(20, activation="linear"), shortcut(0, activation), HEAD)
    program = Trial(net((3, 7, 6), *layers, END)).check()
    assert isinstance(program._layers[3], LoweredShortcut)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("first", "second"),
    [((48, 2), (20, 1)), ((20, 2), (48, 1)), ((33, 1), (17, 1)), ((16, 3), (16, 1)), ((32, 1), (20, 2))],
)
def test_sums_of_different_shapes(first: tuple[int, int], second: tuple[int, int], activation: str) -> None:
    """Of other channels, and sampled at every second or third pixel, either way."""
    begin = conv(16) if second[1] == 1 else conv(16) + section("upsample", stride=2)
    end = section("upsample", stride=2) if first[1] < second[1] else ""
    layers = [begin, conv(second[0], stride=second[1]), end, conv(first[0], stride=first[1], activation="linear")]
    text = "".join(layers)
    back = -3 if end else -2
    program = Trial(net((3, 13, 11) if first[1] != 3 else (3, 12, 9), text, shortcut(back, activation), HEAD, END))
    ran = program.check()
    index = next(node.index for node in program.graph.nodes if node.type == "shortcut")
    assert isinstance(ran._layers[index], LoweredShortcut)


def test_what_is_sampled_is_read_by_others_too() -> None:
    layers = (
        conv(32), conv(48, stride=2), shortcut(-2, "leaky"), conv(20, 1, activation="linear"), shortcut(-2, "relu"),
        shortcut(0), HEAD,
    )  # fmt: skip
    Trial(net((3, 12, 12), *layers, END)).check()


def test_a_layer_added_to_itself() -> None:
    Trial(net((3, 6, 5), conv(20), shortcut(-1, "leaky"), HEAD, END)).check()


def test_bits_do_not_depend_on_threads() -> None:
    layers = (conv(32), conv(48, stride=2), shortcut(-2, "leaky"), HEAD)
    trial = Trial(net((3, 20, 20), *layers, END), images=4)
    program = trial.program()
    expected = trial.run(program, team=Team(1))
    for threads in (2, 3):
        assert_same_bits(trial.run(program, team=Team(threads, cores=4)), expected)


@pytest.mark.parametrize("options", [{"weights_type": "per_feature"}, {"alpha": 0.5}, {"beta": 2}, {"from": "-1,-2"}])
def test_other_sums_run_plainly(options: dict[str, object]) -> None:
    layers = (conv(16), conv(16), section("shortcut", **{"from": -2, "activation": "linear", **options}), HEAD)
    program = Trial(net((3, 6, 5), *layers, END)).check()
    assert not isinstance(program._layers[2], LoweredShortcut)
