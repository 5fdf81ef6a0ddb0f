"""Convolutions inside recurrent layers."""

from __future__ import annotations

import pytest

from darknetpy.errors import ConfigError
from darknetpy.layers.parts.same_size import check_same_size, convolution_of
from tests.layers.workbench import make_layer


@pytest.mark.parametrize(
    ("options", "padding", "dilation"),
    [
        ("pad=1", 1, 1),
        ("pad=1 padding=7", 1, 1),
        ("padding=1", 1, 1),
        ("size=5 pad=1 dilation=3", 6, 3),
        ("size=1 dilation=3", 0, 1),
    ],
)
def test_options_become_a_convolution_that_keeps_the_size(options: str, padding: int, dilation: int) -> None:
    layer = make_layer(f"[crnn] {options} activation=leaky batch_normalize=1")
    part = convolution_of(layer.options, 6, "leaky")
    assert (part.filters, part.padding, part.dilation, part.normalized) == (6, padding, dilation, True)
    assert part.output_shape((6, 20, 30)) == (6, 20, 30)
    check_same_size(layer, (6, 20, 30), {"output": 6})


def test_any_stride_fits_a_picture_of_one_pixel() -> None:
    layer = make_layer("[crnn] pad=1 stride=2")
    check_same_size(layer, (6, 1, 1), {})
    with pytest.raises(ConfigError, match="convolutions that make 1x1 of 1x2, expected the same height and width"):
        check_same_size(layer, (6, 1, 2), {})


@pytest.mark.parametrize(("channels", "found"), [({"output": 4}, "6 input channels"), ({"output": 3}, "output=3")])
def test_groups_divide_all_channels(channels: dict[str, int], found: str) -> None:
    layer = make_layer("[crnn] pad=1 groups=4" if channels["output"] == 4 else "[crnn] pad=1 groups=2")
    with pytest.raises(ConfigError) as caught:
        check_same_size(layer, (6, 5, 5), channels)
    assert caught.value.found.endswith(found)
