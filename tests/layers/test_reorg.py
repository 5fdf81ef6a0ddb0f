"""[reorg] against naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.errors import ConfigError
from tests import reference
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run

TRIALS: Trials = [
    ("stride=2", [(4, 6, 4)]),
    ("stride=2 reverse=1", [(4, 3, 5)]),
    ("flatten=1", [(3, 4, 5)]),
    ("extra=3", [(2, 3, 4)]),
]


@pytest.mark.parametrize(("stride", "shape"), [(1, (3, 4, 5)), (2, (8, 6, 4)), (3, (9, 3, 6)), (2, (6, 8, 12))])
def test_equals_the_index_arithmetic(stride: int, shape: tuple[int, int, int]) -> None:
    x = random_input(shape)
    assert_close(run(make_layer(f"[reorg] stride={stride}"), [x]), reference.reorg(x, stride, False), tolerance=0)


@pytest.mark.parametrize(("stride", "shape"), [(1, (3, 4, 5)), (2, (8, 3, 5)), (3, (18, 2, 1))])
def test_reverse_equals_the_index_arithmetic(stride: int, shape: tuple[int, int, int]) -> None:
    x = random_input(shape)
    layer = make_layer(f"[reorg] stride={stride} reverse=1")
    assert_close(run(layer, [x]), reference.reorg(x, stride, True), tolerance=0)


def test_reverse_makes_squares_of_groups_of_channels() -> None:
    x = np.arange(4.0).reshape(1, 4, 1, 1)
    assert make_layer("[reorg] stride=2 reverse=1").forward([x]).tolist() == [[[[0, 1], [2, 3]]]]


@pytest.mark.parametrize("reverse", [0, 1])
def test_flatten_orders_by_pixel(reverse: int) -> None:
    x = random_input((3, 4, 5))
    layer = make_layer(f"[reorg] flatten=1 reverse={reverse}")
    assert_close(run(layer, [x]), reference.flatten(x, bool(reverse)), tolerance=0)


def test_flatten_and_back_is_the_same() -> None:
    x = random_input((3, 4, 5))
    there = make_layer("[reorg] flatten=1").forward([x])
    assert np.array_equal(make_layer("[reorg] flatten=1 reverse=1").forward([there]), x)


def test_flatten_with_stride_changes_the_shape_only() -> None:
    x = random_input((3, 4, 6))
    found = run(make_layer("[reorg] flatten=1 stride=2"), [x])
    assert found.shape == (2, 12, 2, 3)
    assert np.array_equal(found.reshape(2, -1), reference.flatten(x, False).reshape(2, -1))


def test_extra_puts_zeros_behind() -> None:
    x = random_input((2, 2, 3))
    found = run(make_layer("[reorg] extra=5"), [x])
    assert np.array_equal(found, np.concatenate([x.reshape(2, -1), np.zeros((2, 5))], axis=1))


def test_channels_that_do_not_divide_follow_darknet_with_a_warning() -> None:
    layer = make_layer("[reorg] stride=2")
    x = random_input((6, 8, 12))
    assert_close(run(layer, [x]), reference.reorg(x, 2, False), tolerance=0)
    (warning,) = layer.remarks([(6, 8, 12)])
    assert warning.found == "stride=2 with 6 channels"
    assert list(layer.remarks([(8, 8, 12)])) == []


@pytest.mark.parametrize(
    ("text", "shape", "option", "found"),
    [
        ("stride=3", (9, 32, 33), "stride", "stride=3 with a picture of 33x32"),
        ("stride=2 flatten=1", (4, 5, 4), "stride", "stride=2 with a picture of 4x5"),
        ("stride=2", (3, 4, 4), "stride", "stride=2 with 3 channels"),
        ("stride=2 reverse=1", (6, 4, 4), "stride", "stride=2 with 6 channels"),
    ],
)
def test_shapes_without_meaning_are_refused(text: str, shape: tuple[int, int, int], option: str, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer(f"[reorg] {text}").output_shape([shape])
    assert caught.value.option == option
    assert caught.value.found == found


@pytest.mark.parametrize("other", ["stride=2", "reverse=1", "flatten=1"])
def test_extra_stands_alone(other: str) -> None:
    with pytest.raises(ConfigError, match=f"{other} with extra=3"):
        make_layer(f"[reorg] extra=3 {other}")


@pytest.mark.parametrize("shape", [(5, 2, 2), (7, 2, 4), (11, 4, 2), (19, 6, 2)])
def test_channels_that_do_not_divide_never_lead_outside(shape: tuple[int, int, int]) -> None:
    x = random_input(shape)
    assert_close(run(make_layer("[reorg] stride=2"), [x]), reference.reorg(x, 2, False), tolerance=0)


def test_window_is_a_square_of_the_stride() -> None:
    assert make_layer("[reorg] stride=2").window() == (2, 2, 2, 2)
    assert make_layer("[reorg] stride=2 reverse=1").window() == (1, 1, 0.5, 0.5)
    assert make_layer("[reorg] flatten=1").window() is None
    assert make_layer("[reorg] extra=1").window() is None
