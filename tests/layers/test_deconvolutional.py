"""[deconvolutional] against naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.errors import ConfigError
from darknetpy.graph import build_graph, initial_weights
from darknetpy.layers.base import Window
from tests import reference
from tests.layers.workbench import Trials, assert_close, fill, make_layer, random_input, run
from tests.reference_layers import deconvolve

TRIALS: Trials = [
    ("filters=4 size=4 stride=2 padding=1 activation=swish", [(3, 5, 7)]),
    ("filters=4 size=3 pad=1 batch_normalize=1 activation=leaky", [(2, 5, 4)]),
]

SHAPES = [
    ("size=1", 1, 0),
    ("size=3", 1, 0),
    ("size=3 pad=1", 1, 1),
    ("size=4 stride=2 padding=1", 2, 1),
    ("size=2 stride=2", 2, 0),
    ("size=2 stride=3", 3, 0),
    ("size=5 stride=3 pad=1 padding=7", 3, 2),
]


@pytest.mark.parametrize(("text", "stride", "padding"), SHAPES)
@pytest.mark.parametrize("activation", ["linear", "leaky"])
def test_equals_naive_loops(text: str, stride: int, padding: int, activation: str) -> None:
    x = random_input((3, 4, 5))
    layer = make_layer(f"[deconvolutional] filters=2 activation={activation} {text}")
    found = run(layer, [x])
    sums = reference.add_biases(deconvolve(x, layer.weights["weights"], stride, padding), layer.weights["biases"])
    assert_close(found, reference.activate(activation, sums))


@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
def test_batch_normalization_stands_in_place_of_biases(dialect: str) -> None:
    x = random_input((3, 4, 5))
    layer = make_layer("[deconv] filters=4 size=3 stride=2 batch_normalize=1 activation=linear", dialect=dialect)
    found = run(layer, [x])
    sums = deconvolve(x, layer.weights["weights"], 2, 0)
    assert_close(found, reference.batch_normalize(sums, layer.weights, dialect))


def test_is_the_transpose_of_a_convolution() -> None:
    """<convolution(y), x> = <y, deconvolution(x)>: the sums of products are the same."""
    x, y = random_input((3, 4, 5), seed=1), random_input((2, 9, 11), seed=2)
    layer = make_layer("[deconvolutional] filters=2 size=3 stride=2 activation=linear")
    fill(layer, [(3, 4, 5)])
    layer.weights["biases"][:] = 0
    forward = reference.convolve(y, layer.weights["weights"], (2, 2))
    assert np.sum(forward * x) == pytest.approx(np.sum(y * layer.forward([x])), rel=1e-12)


def test_arrays_stand_in_the_order_of_the_file_with_input_channels_first() -> None:
    arrays = make_layer("[deconvolutional] filters=4 size=3 batch_normalize=1").arrays([(2, 5, 6)])
    assert [(array.name, array.shape) for array in arrays] == [
        ("biases", (4,)), ("scales", (4,)), ("rolling_mean", (4,)), ("rolling_variance", (4,)),
        ("weights", (2, 4, 3, 3)),
    ]  # fmt: skip
    arrays = make_layer("[deconvolutional] filters=4 size=3 batch_normalize=1 dontloadscales=1").arrays([(2, 5, 6)])
    assert [array.in_file for array in arrays] == [True, False, False, False, True]


def test_begins_with_the_deviation_of_darknet() -> None:
    text = "[net]\nwidth=8\nheight=6\nchannels=20\n[deconv]\nfilters=30\nsize=4\nstride=2\npadding=1\n"
    graph = build_graph(parse_cfg(text))
    initial_weights(graph)
    weights = graph.nodes[0].weights["weights"]
    assert weights.std() == pytest.approx(0.02 * 16 * 12 / (8 * 6), rel=0.05)
    assert abs(weights.mean()) < 0.003


def test_is_logistic_with_one_output_channel_by_default() -> None:
    layer = make_layer("[deconvolutional]")
    assert (layer.options.activation, layer.output_shape([(3, 4, 5)])) == ("logistic", (1, 4, 5))


@pytest.mark.parametrize(
    ("text", "shape", "option", "found"),
    [
        ("size=3 padding=4", (3, 5, 6), "padding", "the output would be 0x-1, with 4 cut off"),
        ("size=2 pad=1", (3, 1, 6), "pad", "the output would be 5x0, with 1 cut off"),
        ("numload=3", (3, 5, 6), "numload", "numload=3 in [deconvolutional]"),
    ],
)
def test_what_has_no_meaning_is_refused(text: str, shape: tuple[int, int, int], option: str, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer(f"[deconvolutional] {text}").output_shape([shape])
    assert caught.value.option == option
    assert caught.value.found.startswith(found)


def test_flops_count_a_multiply_add_for_each_value_and_weight() -> None:
    assert make_layer("[deconvolutional] filters=4 size=3 stride=2").flops([(2, 5, 6)]) == 2 * (2 * 5 * 6) * (4 * 9)


def test_window_is_what_meets_in_one_output_value() -> None:
    assert make_layer("[deconvolutional] size=3").window() == Window(3, 3, 1, 1)
    assert make_layer("[deconvolutional] size=4 stride=2").window() == Window(2, 2, 0.5, 0.5)
    assert make_layer("[deconvolutional] size=3 stride=2").window() == Window(2, 2, 0.5, 0.5)


def test_in_short() -> None:
    assert make_layer("[deconv] filters=8 size=4 stride=2 padding=1 batch_normalize=1 activation=leaky").short() == (
        "8 x 4x4 / 2, pad 1, bn, leaky"
    )
    assert make_layer("[deconv] dontload=1").short() == "1 x 1x1, logistic, dontload"
