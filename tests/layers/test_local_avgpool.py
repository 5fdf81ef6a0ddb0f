"""[local_avgpool] against naive loops."""

from __future__ import annotations

import pytest

from darknetpy.errors import ConfigError
from tests import reference
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run

TRIALS: Trials = [("size=3 stride=2", [(3, 5, 7)])]


@pytest.mark.parametrize("shape", [(3, 9, 7), (1, 8, 6)])
@pytest.mark.parametrize(
    ("text", "size", "strides", "padding"),
    [
        ("", 1, (1, 1), 0),
        ("size=2 stride=2", 2, (2, 2), 1),
        ("size=3 stride=1", 3, (1, 1), 2),
        ("size=4 stride=3", 4, (3, 3), 3),
        ("size=3 stride=2 padding=1", 3, (2, 2), 1),
        ("stride=2", 2, (2, 2), 1),
        ("size=3 stride_x=2 stride_y=3 padding=0", 3, (3, 2), 0),
        ("size=2 stride=5", 2, (5, 5), 1),
    ],
)
def test_equals_naive_loops(
    text: str, size: int, strides: tuple[int, int], padding: int, shape: tuple[int, int, int]
) -> None:
    x = random_input(shape)
    found = run(make_layer(f"[local_avgpool] {text}"), [x])
    assert_close(found, reference.local_average_pool(x, size, strides, padding))


def test_cells_outside_do_not_count() -> None:
    found = make_layer("[local_avgpool] size=3 stride=1").forward([random_input((1, 4, 4)) * 0 + 7])
    assert found == pytest.approx(7)


def test_flops_count_an_addition_a_cell() -> None:
    assert make_layer("[local_avgpool] size=3 stride=2").flops([(4, 9, 9)]) == 9 * 4 * 5 * 5


def test_window_is_the_size() -> None:
    assert make_layer("[local_avgpool] size=3 stride_x=2 stride_y=1").window() == (3, 3, 1, 2)


@pytest.mark.parametrize(
    ("text", "option", "found"),
    [
        ("size=9 padding=0", "size", "the output would be -1x-1"),
        ("size=2 padding=4", "padding", "a window lies wholly outside the picture"),
        ("size=3 padding=7 stride=1", "padding", "a window lies wholly outside the picture"),
    ],
)
def test_windows_without_a_picture_are_refused(text: str, option: str, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer(f"[local_avgpool] {text}").output_shape([(4, 7, 7)])
    assert caught.value.option == option
    assert caught.value.found.startswith(found)
