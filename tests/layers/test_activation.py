"""[activation]: the function alone."""

from __future__ import annotations

import pytest

from darknetpy.errors import ConfigError
from darknetpy.kernels.activations import ACTIVATIONS
from tests import reference
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run

TRIALS: Trials = [("activation=mish", [(3, 5, 4)]), ("activation=normalize_channels", [(6,)])]


@pytest.mark.parametrize("name", list(ACTIVATIONS))
@pytest.mark.parametrize("shape", [(5, 3, 4), (6,)])
def test_equals_naive_code(name: str, shape: tuple[int, ...]) -> None:
    x = 4 * random_input(shape)
    assert_close(run(make_layer(f"[activation] activation={name}"), [x]), reference.activate(name, x))


def test_is_linear_by_default() -> None:
    assert make_layer("[activation]").options.activation == "linear"


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"activation=leeky, expected one of linear, .* Did you mean leaky\?"):
        make_layer("[activation] activation=leeky")
