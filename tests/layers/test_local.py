"""[local] against naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.errors import ConfigError
from darknetpy.graph import build_graph, initial_weights
from darknetpy.layers.base import Window
from tests import reference
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run
from tests.reference_layers import connect_locally

TRIALS: Trials = [
    ("filters=4 size=3 pad=1 stride=2 activation=leaky", [(3, 5, 7)]),
    ("filters=4 size=2 activation=linear", [(2, 5, 4)]),
]


@pytest.mark.parametrize(
    ("text", "stride", "padding"),
    [
        ("size=1", 1, 0),
        ("size=3", 1, 0),
        ("size=3 pad=1", 1, 1),
        ("size=3 stride=2 pad=1", 2, 1),
        ("size=2 stride=3", 3, 0),
        ("size=5 pad=2", 1, 2),
        ("size=4 stride=2", 2, 0),
    ],
)
@pytest.mark.parametrize("activation", ["linear", "leaky"])
def test_equals_naive_loops(text: str, stride: int, padding: int, activation: str) -> None:
    x = random_input((2, 6, 7), n=3)
    layer = make_layer(f"[local] filters=4 activation={activation} {text}")
    found = run(layer, [x])
    sums = connect_locally(x, layer.weights["weights"], layer.weights["biases"], stride, padding)
    assert_close(found, reference.activate(activation, sums))


def test_is_a_convolution_where_all_places_have_the_same_filters() -> None:
    x = random_input((2, 5, 6))
    layer = make_layer("[local] filters=3 size=3 pad=1 activation=linear")
    run(layer, [x])
    layer.weights["weights"][:] = layer.weights["weights"][:1]
    layer.weights["biases"][:] = 0
    assert_close(layer.forward([x]), reference.convolve(x, layer.weights["weights"][0], padding=1))


def test_arrays_stand_in_the_order_of_the_file() -> None:
    arrays = make_layer("[local] filters=4 size=3 stride=2").arrays([(2, 9, 7)])
    expected = [("biases", (4, 4, 3)), ("weights", (12, 4, 2, 3, 3))]
    assert [(array.name, array.shape) for array in arrays] == expected


def test_every_place_begins_with_random_filters() -> None:
    """Darknet fills those of the first place only."""
    graph = build_graph(parse_cfg("[net]\nwidth=8\nheight=6\nchannels=4\n[local]\nfilters=3\nsize=3\npad=1\n"))
    initial_weights(graph)
    weights = graph.nodes[0].weights["weights"].reshape(48, -1)
    bound = (2 / 36) ** 0.5
    assert np.abs(weights).max() <= bound
    assert (weights.std(axis=1) > bound / 4).all()


@pytest.mark.parametrize(
    ("text", "option", "found"),
    [
        ("size=5 pad=1", "pad", "pad=1 with size=5"),
        ("size=1 pad=1", "pad", "pad=1 with size=1"),
        ("size=2 pad=1", "pad", "pad=1 with size=2"),
        ("size=3 pad=2", "pad", "pad=2 with size=3"),
        ("size=6", "size", "the filter of 6 is larger than the picture of 6x5"),
    ],
)
def test_what_has_no_meaning_is_refused(text: str, option: str, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer(f"[local] {text}").output_shape([(3, 5, 6)])
    assert (caught.value.option, caught.value.found) == (option, found)


def test_another_size_of_picture_would_need_other_weights() -> None:
    graph = build_graph(parse_cfg("[net]\nwidth=8\nheight=6\nchannels=1\n[local]\nsize=3\npad=1\n", "net.cfg"))
    with pytest.raises(ConfigError, match=r"\[local\] layer 0: a picture of 9x6 would need .*weights 54x1x1x3x3"):
        graph.resized(6, 9)


def test_flops_count_a_multiply_add_for_each_weight() -> None:
    layer = make_layer("[local] filters=4 size=3 stride=2")
    assert layer.flops([(2, 9, 7)]) == 2 * layer.arrays([(2, 9, 7)])[1].size


def test_window_and_words() -> None:
    layer = make_layer("[local] filters=256 size=3 stride=2 pad=1 activation=leaky")
    assert layer.window() == Window(3, 3, 2, 2)
    assert layer.short() == "256 x 3x3 / 2, pad 1, leaky"
    assert make_layer("[local] dontload=1").short() == "1 x 1x1, logistic, dontload"
