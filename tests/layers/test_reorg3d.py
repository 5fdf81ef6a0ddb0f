"""[reorg3d] against naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.errors import ConfigError
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run
from tests.reference_layers import space_to_depth

TRIALS: Trials = [("stride=2", [(3, 6, 4)]), ("stride=2 reverse=1", [(8, 3, 5)])]


@pytest.mark.parametrize(("stride", "shape"), [(1, (3, 4, 5)), (2, (3, 6, 4)), (3, (2, 3, 6)), (2, (1, 2, 2))])
def test_equals_naive_loops(stride: int, shape: tuple[int, int, int]) -> None:
    x = random_input(shape)
    assert_close(run(make_layer(f"[reorg3d] stride={stride}"), [x]), space_to_depth(x, stride), tolerance=0)


@pytest.mark.parametrize(("stride", "shape"), [(1, (3, 4, 5)), (2, (8, 3, 5)), (3, (18, 2, 1))])
def test_reverse_is_the_inverse(stride: int, shape: tuple[int, int, int]) -> None:
    x = random_input(shape)
    found = run(make_layer(f"[reorg3d] stride={stride} reverse=1"), [x])
    assert_close(space_to_depth(found, stride), x, tolerance=0)


def test_pixels_of_a_square_become_channels_in_reading_order() -> None:
    x = np.arange(4.0).reshape(1, 1, 2, 2)
    assert make_layer("[reorg3d] stride=2").forward([x]).ravel().tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("text", "shape", "found"),
    [
        ("stride=3", (9, 32, 33), "stride=3 with a picture of 33x32"),
        ("stride=2", (9, 32, 33), "stride=2 with a picture of 33x32"),
        ("stride=2 reverse=1", (6, 4, 4), "stride=2 with 6 channels"),
        ("stride=2 reverse=1", (3, 4, 4), "stride=2 with 3 channels"),
    ],
)
def test_shapes_that_do_not_divide_are_refused(text: str, shape: tuple[int, int, int], found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer(f"[reorg3d] {text}").output_shape([shape])
    assert (caught.value.option, caught.value.found) == ("stride", found)


def test_window_is_a_square_of_the_stride() -> None:
    assert make_layer("[reorg3d] stride=2").window() == (2, 2, 2, 2)
    assert make_layer("[reorg3d] stride=2 reverse=1").window() == (1, 1, 0.5, 0.5)
