"""[empty] passes values on."""

from __future__ import annotations

import pytest

from tests.layers.workbench import Trials, make_layer, random_input, run

TRIALS: Trials = [("", [(3, 5, 4)])]


@pytest.mark.parametrize("shape", [(7,), (3, 4, 5)])
@pytest.mark.parametrize("name", ["empty", "silence", "blank"])
def test_passes_values_on(shape: tuple[int, ...], name: str) -> None:
    x = random_input(shape)
    layer = make_layer(f"[{name}]")
    assert layer.type == "empty"
    assert (run(layer, [x]) == x).all()


def test_can_be_the_first_layer() -> None:
    assert make_layer("[empty]", index=0).sources() == (-1,)
