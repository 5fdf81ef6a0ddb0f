"""[upsample] against naive loops."""

from __future__ import annotations

import pytest

from darknetpy.errors import ConfigError
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run
from tests.reference_layers import downsample, upsample

TRIALS: Trials = [("stride=3 scale=.5", [(3, 5, 4)]), ("stride=-2", [(3, 6, 4)])]


@pytest.mark.parametrize("stride", [1, 2, 3, 5])
@pytest.mark.parametrize("scale", [1.0, 0.5, -2.0])
def test_equals_naive_loops(stride: int, scale: float) -> None:
    x = random_input((3, 4, 5))
    assert_close(run(make_layer(f"[upsample] stride={stride} scale={scale}"), [x]), upsample(x, stride, scale))


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_a_negative_stride_adds_up_squares(stride: int, scale: float) -> None:
    x = random_input((3, 6, 12))
    assert_close(run(make_layer(f"[upsample] stride=-{stride} scale={scale}"), [x]), downsample(x, stride, scale))


def test_doubles_by_default() -> None:
    x = random_input((2, 3, 4))
    assert_close(run(make_layer("[upsample]"), [x]), upsample(x, 2, 1), tolerance=0)


def test_a_stride_of_zero_is_refused() -> None:
    with pytest.raises(ConfigError, match="stride=0, expected a whole number, above or below 0") as caught:
        make_layer("[upsample] stride=0")
    assert caught.value.option == "stride"


@pytest.mark.parametrize(("shape", "found"), [((3, 6, 8), "8x6"), ((3, 8, 6), "6x8"), ((3, 2, 2), "2x2")])
def test_squares_must_fill_the_picture(shape: tuple[int, int, int], found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer("[upsample] stride=-3").output_shape([shape])
    assert caught.value.found == f"stride=-3 with a picture of {found}"
    assert (caught.value.expected, caught.value.option) == ("sides that divide by 3", "stride")


def test_window_is_a_part_of_a_pixel_or_a_square() -> None:
    assert make_layer("[upsample] stride=2").window() == (1, 1, 0.5, 0.5)
    assert make_layer("[upsample] stride=-2").window() == (2, 2, 2, 2)
