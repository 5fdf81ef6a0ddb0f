"""[scale_channels] against naive loops."""

from __future__ import annotations

import pytest

from darknetpy.errors import ConfigError
from tests import reference
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run

TRIALS: Trials = [
    ("from=-2 activation=logistic", [(3, 1, 1), (3, 5, 4)]),
    ("from=-2 scale_wh=1", [(1, 5, 4), (3, 5, 4)]),
]


@pytest.mark.parametrize("activation", ["linear", "relu", "swish"])
@pytest.mark.parametrize("per_pixel", [False, True])
def test_equals_naive_loops(activation: str, per_pixel: bool) -> None:
    factors = random_input((1, 4, 3) if per_pixel else (5, 1, 1), seed=1)
    values = random_input((5, 4, 3), seed=2)
    layer = make_layer(f"[scale_channels] from=-3 activation={activation} scale_wh={int(per_pixel)}")
    assert layer.sources() == (3, 1)
    expected = reference.activate(activation, reference.scale_channels(factors, values, per_pixel))
    assert_close(run(layer, [factors, values]), expected)


def test_output_has_the_shape_of_the_scaled_layer() -> None:
    assert make_layer("[scale_channels] from=0").output_shape([(5, 1, 1), (5, 4, 3)]) == (5, 4, 3)


@pytest.mark.parametrize(
    ("text", "factors", "values", "found"),
    [
        ("from=-3", (4, 1, 1), (5, 4, 3), "4x1x1 factors for layer 1, which is 5x4x3"),
        ("from=-3", (5, 4, 3), (5, 4, 3), "5x4x3 factors for layer 1, which is 5x4x3"),
        ("from=-3", (5,), (5, 4, 3), "5 factors for layer 1, which is 5x4x3"),
        ("from=-3 scale_wh=1", (5, 1, 1), (5, 4, 3), "5x1x1 factors for layer 1, which is 5x4x3"),
        ("from=-3", (5, 1, 1), (5,), "layer 1 gives 5 values without height or width"),
    ],
)
def test_other_shapes_are_refused(text: str, factors: tuple[int, ...], values: tuple[int, ...], found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer(f"[scale_channels] {text}").output_shape([factors, values])
    assert (caught.value.option, caught.value.found) == ("from", found)


@pytest.mark.parametrize("text", ["from=4", "from=9", "from=-5", ""])
def test_references_must_point_to_earlier_layers(text: str) -> None:
    with pytest.raises(ConfigError):
        make_layer(f"[scale_channels] {text}").sources()
