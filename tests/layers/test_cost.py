"""[cost]: passes values on when running, and knows the loss of each."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.errors import ConfigError
from darknetpy.layers.cost import Cost
from tests import reference
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run

TRIALS: Trials = [("", [(3, 5, 4)]), ("type=smooth", [(7,)])]


@pytest.mark.parametrize("shape", [(7,), (3, 4, 5)])
def test_passes_values_on(shape: tuple[int, ...]) -> None:
    x = random_input(shape)
    assert (run(make_layer("[cost]"), [x]) == x).all()


@pytest.mark.parametrize("kind", ["sse", "masked", "smooth", "seg", "L1", "wgan"])
def test_losses_equal_naive_loops(kind: str) -> None:
    layer = make_layer(f"[cost] type={kind} scale=3")
    assert isinstance(layer, Cost)
    answer, truth = 2 * random_input((9,), seed=1), random_input((9,), seed=2)
    truth[0, 3] = reference.UNKNOWN
    assert_close(layer.losses(answer, truth), reference.losses(answer, truth, kind))


@pytest.mark.parametrize("kind", ["sse", "masked", "smooth", "L1"])
def test_losses_keep_the_dtype(kind: str) -> None:
    layer = make_layer(f"[cost] type={kind}")
    assert isinstance(layer, Cost)
    assert layer.losses(np.ones((1, 2), np.float32), np.zeros((1, 2), np.float32)).dtype == np.float32


def test_unknown_type_is_refused_with_the_list() -> None:
    with pytest.raises(ConfigError, match="type=foo, expected one of sse, masked, smooth, seg, L1, wgan"):
        make_layer("[cost] type=foo", training=True)
