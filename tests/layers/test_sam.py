"""[sam] against naive loops."""

from __future__ import annotations

import pytest

from darknetpy.errors import ConfigError
from tests import reference
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run

TRIALS: Trials = [("from=-2 activation=leaky", [(3, 5, 4), (3, 5, 4)])]


@pytest.mark.parametrize("activation", ["linear", "leaky", "swish", "mish"])
@pytest.mark.parametrize("shape", [(5, 4, 3), (7,)])
def test_equals_naive_loops(activation: str, shape: tuple[int, ...]) -> None:
    factors, values = random_input(shape, seed=1), random_input(shape, seed=2)
    layer = make_layer(f"[sam] from=-3 activation={activation}")
    assert layer.sources() == (3, 1)
    assert_close(run(layer, [factors, values]), reference.activate(activation, factors * values))


@pytest.mark.parametrize("factors", [(5, 1, 1), (1, 4, 3), (5, 3, 4), (60,)])
def test_other_shapes_are_refused(factors: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="for layer 1, which is 5x4x3, expected equal shapes") as caught:
        make_layer("[sam] from=-3").output_shape([factors, (5, 4, 3)])
    assert caught.value.option == "from"


@pytest.mark.parametrize("text", ["from=4", "from=9", "from=-5", ""])
def test_references_must_point_to_earlier_layers(text: str) -> None:
    with pytest.raises(ConfigError):
        make_layer(f"[sam] {text}").sources()
