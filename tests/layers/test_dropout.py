"""[dropout]: passes values on when running."""

from __future__ import annotations

import pytest

from darknetpy.errors import ConfigError
from tests.layers.workbench import Trials, make_layer, random_input, run

TRIALS: Trials = [("probability=.5", [(3, 5, 4)]), ("", [(7,)])]


@pytest.mark.parametrize("shape", [(7,), (3, 4, 5)])
def test_passes_values_on(shape: tuple[int, ...]) -> None:
    x = random_input(shape)
    assert (run(make_layer("[dropout] probability=.9"), [x]) == x).all()


def test_default_probability_is_the_dialects() -> None:
    assert make_layer("[dropout]").options.probability == 0.2
    assert make_layer("[dropout]", dialect="pjreddie").options.probability == 0.5


@pytest.mark.parametrize("text", ["probability=1", "probability=-1", "probability=nan", "probability=1.5"])
def test_probability_is_below_one(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer(f"[dropout] {text}", training=True)
    assert caught.value.option == "probability"


def test_is_refused_as_first_layer() -> None:
    with pytest.raises(ConfigError, match=r"\[dropout\] as first layer, expected a layer before it"):
        make_layer("[dropout]", index=0)


def test_dropblock_needs_a_picture() -> None:
    layer = make_layer("[dropout] dropblock=1")
    assert layer.output_shape([(3, 4, 5)]) == (3, 4, 5)
    with pytest.raises(ConfigError, match="dropblock=1 for values without height and width"):
        layer.output_shape([(60,)])
