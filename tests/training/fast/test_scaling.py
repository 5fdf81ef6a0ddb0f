"""[scale_channels] in fast training, against the plain form in float64."""

from __future__ import annotations

import pytest

from darknetpy.training.fast.plainly import LoweredPlainly
from darknetpy.training.fast.scaling import LoweredScaleChannels
from tests.training.fast.networks import END, Trial, conv, net, section

pytestmark = pytest.mark.quick
HEAD = conv(6, 1, batch_normalize=0)
SQUEEZED = (
    "[avgpool]\n"
    + conv(5, 1, activation="swish", batch_normalize=0)
    + conv(20, 1, activation="logistic", batch_normalize=0)
)


def scaling(**options: object) -> str:
    return section("scale_channels", **{"from": -4, **options})


@pytest.mark.parametrize(("height", "width"), [(1, 2), (9, 8), (20, 19)])
def test_squeeze_and_excitation(height: int, width: int) -> None:
    program = Trial(net((3, height, width), conv(20), SQUEEZED, scaling(), conv(17, 1), HEAD, END)).check()
    assert isinstance(program._layers[4], LoweredScaleChannels)


def test_several_readers() -> None:
    sum_of = section("shortcut", **{"from": -5, "activation": "leaky"})
    again = conv(20, 1, activation="linear") + SQUEEZED + scaling() + sum_of
    Trial(net((3, 9, 8), conv(20), SQUEEZED, scaling(), again, HEAD, END)).check()


@pytest.mark.parametrize("frozen", [{0}, {0, 1}, {0, 1, 2, 3}])
def test_only_some_gradients_are_wanted(frozen: set[int]) -> None:
    Trial(net((3, 9, 8), conv(20), SQUEEZED, scaling(), HEAD, END), frozen=frozen).check()


@pytest.mark.parametrize("options", [{"activation": "leaky"}, {"scale_wh": 1}])
def test_others_run_plainly(options: dict[str, object]) -> None:
    factors = conv(1, 1, activation="logistic") if "scale_wh" in options else SQUEEZED
    back = -2 if "scale_wh" in options else -4
    program = Trial(net((3, 9, 8), conv(20), factors, scaling(**{"from": back, **options}), HEAD, END)).check()
    assert sum(isinstance(layer, LoweredPlainly) for layer in program._layers.values()) == 2
