"""[maxpool] against naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.errors import ConfigError
from tests import reference
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run

TRIALS: Trials = [
    ("size=3 stride=2", [(3, 5, 7)]),
    ("maxpool_depth=1 out_channels=2", [(5, 3, 4)]),
    ("size=2 stride=2 antialiasing=2", [(3, 6, 7)]),
]


@pytest.mark.parametrize("shape", [(3, 9, 7), (1, 8, 6), (2, 5, 5)])
@pytest.mark.parametrize(
    ("text", "size", "strides", "padding"),
    [
        ("", 1, (1, 1), 0),
        ("size=2 stride=2", 2, (2, 2), 1),
        ("size=2 stride=1", 2, (1, 1), 1),
        ("size=3 stride=2", 3, (2, 2), 2),
        ("size=5 stride=1", 5, (1, 1), 4),
        ("size=3 stride=3 padding=0", 3, (3, 3), 0),
        ("size=3 stride=2 padding=1", 3, (2, 2), 1),
        ("size=3 padding=5", 3, (1, 1), 5),
        ("stride=3", 3, (3, 3), 2),
        ("stride_x=2 stride_y=1 size=3", 3, (1, 2), 2),
        ("stride=2 stride_x=3", 2, (2, 3), 1),
        ("size=5 stride=1 padding=2", 5, (1, 1), 2),
    ],
)
def test_equals_naive_loops(
    text: str, size: int, strides: tuple[int, int], padding: int, shape: tuple[int, int, int]
) -> None:
    x = random_input(shape)
    assert_close(run(make_layer(f"[maxpool] {text}"), [x]), reference.max_pool(x, size, strides, padding), tolerance=0)


@pytest.mark.parametrize("antialiasing", [1, 2])
def test_antialiasing_moves_the_stride_to_a_blur(antialiasing: int) -> None:
    x = random_input((3, 9, 8))
    layer = make_layer(f"[maxpool] size=3 stride_x=2 stride_y=3 antialiasing={antialiasing}")
    pooled = reference.max_pool(x, 3, (1, 1), 2)
    assert_close(run(layer, [x]), reference.blur(pooled, antialiasing, (3, 2)))


@pytest.mark.parametrize("kept", [1, 2, 3, 4, 7])
def test_maxpool_depth_goes_over_channels(kept: int) -> None:
    x = random_input((7, 3, 2))
    layer = make_layer(f"[maxpool] maxpool_depth=1 out_channels={kept} size=5 stride=2")
    assert_close(run(layer, [x]), reference.max_over_channels(x, kept), tolerance=0)
    assert layer.flops([(7, 3, 2)]) == 0
    assert layer.window() == (1, 1, 1, 1)


def test_padding_never_wins() -> None:
    x = np.full((1, 1, 3, 3), -5.0)
    assert np.all(make_layer("[maxpool] size=3 stride=1").forward([x]) == -5)


def test_window_outside_the_picture_gives_the_lowest_float32() -> None:
    found = make_layer("[maxpool] size=1 padding=2 stride=1").forward([np.zeros((1, 1, 1, 1))])[0, 0]
    assert found[1, 1] == 0
    assert np.sum(found == reference.LOWEST_FLOAT32) == 8


def test_nan_stays_visible() -> None:
    x = np.zeros((1, 1, 4, 4), np.float32)
    x[0, 0, 1, 1] = np.nan
    found = make_layer("[maxpool] size=2 stride=2").forward([x])[0, 0]
    assert np.isnan(found).tolist() == [[True, False], [False, False]]


def test_flops_count_a_comparison_a_cell() -> None:
    assert make_layer("[maxpool] size=3 stride=2").flops([(4, 9, 9)]) == 9 * 4 * 5 * 5


@pytest.mark.parametrize(
    ("text", "option", "found"),
    [
        ("size=9 stride=1 padding=0", "size", "the output would be -1x-1"),
        ("size=7 stride=1 padding=0 antialiasing=2", "size", "the output would be 0x0"),
        ("maxpool_depth=1 out_channels=5", "out_channels", "out_channels=5 with 4 input channels"),
    ],
)
def test_impossible_shapes_are_refused(text: str, option: str, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer(f"[maxpool] {text}").output_shape([(4, 7, 7)])
    assert caught.value.option == option
    assert caught.value.found.startswith(found)


def test_large_windows_give_one_pixel() -> None:
    assert make_layer("[maxpool] size=50 stride=50").output_shape([(3, 32, 32)]) == (3, 1, 1)
    assert make_layer("[maxpool] stride=64").output_shape([(3, 32, 32)]) == (3, 1, 1)
