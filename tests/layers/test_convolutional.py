"""[convolutional] against naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.errors import ConfigError
from darknetpy.layers.convolutional import Convolutional
from tests import reference
from tests.layers.workbench import Trials, assert_close, fill, make_layer, random_input, run

TRIALS: Trials = [
    ("filters=4 size=3 pad=1 stride=2 activation=swish", [(3, 5, 7)]),
    ("filters=4 size=3 pad=1 groups=2 batch_normalize=1 activation=leaky", [(2, 5, 4)]),
    ("filters=4 size=3 pad=1 antialiasing=1 stride=2 activation=linear", [(2, 5, 4)]),
    ("filters=4 size=3 xnor=1 activation=linear", [(2, 5, 4)]),
]


def expected(layer: Convolutional, x: np.ndarray, dialect: str = "alexeyab") -> np.ndarray:
    """What the options mean, said once more in loops."""
    options = layer.options
    weights = layer.weights["weights"].astype(np.float64)
    padding = options.size // 2 if options.pad else options.padding
    dilation = options.dilation if options.size > 1 else 1
    strides = (options.stride_y, options.stride_x)
    outside = 0.0
    if options.xnor:
        x, weights = reference.signs(x), reference.binary_weights(weights)
        outside = -1.0 if dialect == "alexeyab" else 0.0
    y = reference.convolve(
        x, weights, (1, 1) if options.antialiasing else strides, padding * dilation, dilation, options.groups, outside
    )
    if options.batch_normalize or options.cbn:
        y = reference.batch_normalize(y, layer.weights, dialect)
    else:
        y = reference.add_biases(y, layer.weights["biases"])
    y = reference.activate(options.activation, y)
    return reference.blur(y, options.antialiasing, strides) if options.antialiasing else y


@pytest.mark.parametrize(
    "options",
    [
        "",
        "filters=3 activation=linear",
        "filters=3 size=3 pad=1 activation=leaky",
        "filters=3 size=3 padding=2 pad=0 activation=leaky",
        "filters=2 size=3 pad=1 padding=5 activation=linear",
        "filters=3 size=2 pad=1 activation=mish",
        "filters=2 size=4 padding=1 stride=3 activation=relu",
        "filters=3 size=5 stride=2 pad=1 activation=swish",
        "filters=2 size=1 stride=2 activation=linear",
        "filters=2 size=1 stride_y=2 activation=linear",
        "filters=3 size=3 stride_x=3 stride_y=2 pad=1 activation=tanh",
        "filters=2 size=3 stride=2 stride_x=1 activation=linear",
        "filters=2 size=1 padding=2 activation=linear",
        "filters=4 size=3 pad=1 groups=2 activation=linear",
        "filters=8 size=3 pad=1 groups=4 stride=2 batch_normalize=1 activation=relu6",
        "filters=2 size=3 pad=1 dilation=2 activation=linear",
        "filters=2 size=5 padding=2 dilation=2 stride=2 activation=linear",
        "filters=2 size=1 dilation=7 activation=linear",
        "filters=3 size=3 batch_normalize=1 activation=leaky",
        "filters=3 size=3 cbn=1 activation=leaky",
        "filters=3 size=3 pad=1 binary=1 activation=linear",
        "filters=3 size=3 pad=1 stride=2 antialiasing=1 activation=leaky",
        "filters=3 size=3 pad=1 stride=2 antialiasing=2 batch_normalize=1 activation=leaky",
        "filters=2 size=3 stride_x=2 stride_y=3 antialiasing=1 activation=linear",
        "filters=3 size=3 pad=1 xnor=1 activation=linear",
        "filters=2 size=3 stride=2 pad=1 xnor=1 bin_output=1 batch_normalize=1 activation=leaky",
        "filters=3 size=3 activation=normalize_channels_softmax",
    ],
)
@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
def test_equals_naive_loops(options: str, dialect: str) -> None:
    layer = make_layer(f"[convolutional] {options}", dialect=dialect)
    x = random_input((4, 9, 7))
    assert_close(run(layer, [x]), expected(layer, x, dialect))


def test_one_pixel_picture() -> None:
    layer = make_layer("[convolutional] filters=5 size=3 pad=1 activation=linear")
    x = random_input((3, 1, 1), n=3)
    assert_close(run(layer, [x]), expected(layer, x))


def test_folded_batch_norm_gives_the_same() -> None:
    for dialect in ("alexeyab", "pjreddie"):
        layer = make_layer("[conv] filters=3 size=3 pad=1 batch_normalize=1 activation=linear", dialect=dialect)
        x = random_input((4, 6, 5))
        output = run(layer, [x])
        weights, biases = layer.folded()
        assert weights.dtype == biases.dtype == np.float32
        folded = reference.add_biases(reference.convolve(x, weights, padding=1), biases)
        assert_close(folded, output, tolerance=1e-6)


def test_without_batch_norm_nothing_is_folded() -> None:
    layer = make_layer("[convolutional] filters=3")
    fill(layer, [(2, 4, 4)])
    weights, biases = layer.folded()
    assert weights is layer.weights["weights"]
    assert biases is layer.weights["biases"]


def test_dialects_differ_in_epsilon() -> None:
    outputs = {}
    for dialect in ("alexeyab", "pjreddie"):
        layer = make_layer("[convolutional] filters=1 batch_normalize=1 activation=linear", dialect=dialect)
        fill(layer, [(1, 1, 1)])
        layer.weights["weights"][:] = layer.weights["scales"][:] = 1
        for name in ("biases", "rolling_mean", "rolling_variance"):
            layer.weights[name][:] = 0
        outputs[dialect] = float(layer.forward([np.ones((1, 1, 1, 1))])[0, 0, 0, 0])
    assert outputs == pytest.approx({"alexeyab": 316.227766, "pjreddie": 1e6})


def test_arrays_stand_in_the_order_of_the_file() -> None:
    layer = make_layer("[convolutional] filters=6 size=3 groups=2 batch_normalize=1")
    arrays = layer.arrays([(4, 8, 8)])
    assert [(array.name, array.shape) for array in arrays] == [
        ("biases", (6,)), ("scales", (6,)), ("rolling_mean", (6,)), ("rolling_variance", (6,)),
        ("weights", (6, 2, 3, 3)),
    ]  # fmt: skip
    assert [array.trained for array in arrays] == [True, True, False, False, True]


def test_options_about_the_file_are_passed_on() -> None:
    layer = make_layer("[convolutional] filters=6 batch_normalize=1 dontloadscales=1 flipped=1 numload=2")
    arrays = layer.arrays([(3, 4, 4)])
    assert [array.in_file for array in arrays] == [True, False, False, False, True]
    assert [array.flipped for array in arrays] == [False, False, False, False, True]
    assert [array.file_shape[0] for array in arrays] == [2] * 5


def test_flops_count_a_multiply_add_as_two() -> None:
    assert make_layer("[convolutional] filters=8 size=3 pad=1").flops([(4, 10, 6)]) == 2 * 8 * 4 * 9 * 60
    assert make_layer("[convolutional] filters=8 size=3 pad=1 groups=4").flops([(4, 10, 6)]) == 2 * 8 * 9 * 60
    assert make_layer("[convolutional] filters=8 size=3 pad=1 stride=2").flops([(4, 10, 6)]) == 2 * 8 * 4 * 9 * 15


def test_flops_of_xnor_are_a_32nd() -> None:
    assert make_layer("[convolutional] filters=8 size=3 pad=1 xnor=1").flops([(4, 10, 6)]) == 2 * 8 * 4 * 9 * 60 // 32


def test_window_grows_with_dilation_and_blur() -> None:
    assert make_layer("[convolutional] size=3 pad=1 dilation=2 stride=2").window() == (5, 5, 2, 2)
    assert make_layer("[convolutional] size=3 pad=1 antialiasing=1 stride=2").window() == (5, 5, 2, 2)


@pytest.mark.parametrize(
    ("text", "option", "found"),
    [
        ("size=9", "size", "the output would be -1x-1: the filter of 9 is larger than the picture of 7x7"),
        ("filters=4 groups=3", "groups", "groups=3 with 4 input channels"),
        ("filters=5 groups=2", "groups", "groups=2 with filters=5"),
        ("groups=99", "groups", "groups=99 with 4 input channels"),
        ("size=3 dilation=2", "dilation", "dilation=2 with size=3 and padding=0"),
        ("size=2 pad=1 dilation=2", "dilation", "dilation=2 with size=2 and padding=1"),
    ],
)
def test_impossible_shapes_are_refused_with_line_and_option(text: str, option: str, found: str) -> None:
    layer = make_layer(f"[convolutional] {text}")
    with pytest.raises(ConfigError) as caught:
        layer.output_shape([(4, 7, 7)])
    assert caught.value.option == option
    assert caught.value.found.startswith(found)
    assert caught.value.line == 4 + [part.split("=")[0] for part in text.split()].index(option)


@pytest.mark.parametrize(
    ("text", "option"),
    [("size=3 sway=1 rotate=1", "sway"), ("size=1 stretch=1", "stretch"), ("filters=4 groups=2 xnor=1", "groups")],
)
def test_options_that_contradict_each_other_are_refused(text: str, option: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer(f"[convolutional] {text}")
    assert caught.value.option == option


def test_numload_above_filters_is_refused() -> None:
    with pytest.raises(ConfigError, match="numload=7, expected at most filters=6"):
        make_layer("[convolutional] filters=6 numload=7").arrays([(3, 4, 4)])


def test_share_index_counts_from_the_layer_or_from_the_start() -> None:
    assert make_layer("[convolutional]").shares_arrays_of() is None
    assert make_layer("[convolutional] share_index=1", index=4).shares_arrays_of() == 1
    assert make_layer("[convolutional] share_index=-1", index=4).shares_arrays_of() == 3
    with pytest.raises(ConfigError, match="refers to the layer itself"):
        make_layer("[convolutional] share_index=4", index=4).shares_arrays_of()
