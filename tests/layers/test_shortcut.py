"""[shortcut] against naive loops."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.errors import ConfigError
from tests import reference
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run

TRIALS: Trials = [
    ("from=-2 activation=leaky", [(3, 5, 4), (3, 5, 4)]),
    ("from=-2,-3", [(3, 4, 4), (2, 4, 4), (3, 8, 8)]),
    ("from=-2 weights_type=per_channel weights_normalization=softmax", [(3, 5, 4), (3, 5, 4)]),
]

FIRST = (5, 4, 6)


@pytest.mark.parametrize("channels", [5, 3, 7])
@pytest.mark.parametrize("text", ["", "activation=leaky", "alpha=0.5 beta=-2", "activation=mish alpha=-1"])
def test_adds_the_channels_that_both_have(channels: int, text: str) -> None:
    x, other = random_input(FIRST, seed=1), random_input((channels, 4, 6), seed=2)
    layer = make_layer(f"[shortcut] from=-2 {text}")
    sums = reference.add_shortcut(x, other, layer.options.alpha, layer.options.beta)
    assert_close(run(layer, [x, other]), reference.activate(layer.options.activation, sums))


@pytest.mark.parametrize("shape", [(5, 8, 12), (3, 12, 18), (8, 2, 3), (2, 8, 13), (5, 3, 4)])
def test_other_sizes_are_sampled(shape: tuple[int, int, int]) -> None:
    x, other = random_input(FIRST, seed=1), random_input(shape, seed=2)
    layer = make_layer("[shortcut] from=-2 alpha=0.25 beta=3")
    assert layer.output_shape([FIRST, shape]) == FIRST
    assert_close(run(layer, [x, other]), reference.add_shortcut(x, other, 0.25, 3))


def test_larger_picture_is_taken_at_every_second_row_and_column() -> None:
    x, other = np.zeros((1, 1, 2, 2)), np.arange(16.0).reshape(1, 1, 4, 4)
    assert make_layer("[shortcut] from=-2").forward([x, other]).tolist() == [[[[0, 2], [8, 10]]]]


def test_several_layers_are_added() -> None:
    inputs = [random_input((channels, 4, 6), seed=channels) for channels in (5, 5, 3, 7)]
    layer = make_layer("[shortcut] from=-2,-3,0 activation=relu")
    assert layer.sources() == (3, 2, 1, 0)
    expected = inputs[0]
    for other in inputs[1:]:
        expected = reference.add_shortcut(expected, other)
    assert_close(run(layer, inputs), reference.activate("relu", expected))


def test_flat_values_are_added() -> None:
    x, other = random_input((6,), seed=1), random_input((4,), seed=2)
    found = run(make_layer("[shortcut] from=0"), [x, other])
    assert np.array_equal(found, x + np.pad(other, ((0, 0), (0, 2))))


@pytest.mark.parametrize("normalization", ["none", "relu", "avg_relu", "softmax"])
@pytest.mark.parametrize("kind", ["per_feature", "per_layer", "per_channel"])
@pytest.mark.parametrize("channels", [(5, 5, 5), (5, 3, 7)])
def test_learned_factors(normalization: str, kind: str, channels: tuple[int, ...]) -> None:
    inputs = [random_input((c, 4, 6), seed=seed) for seed, c in enumerate(channels)]
    layer = make_layer(f"[shortcut] from=-2,-3 weights_type={kind} weights_normalization={normalization}")
    found = run(layer, inputs)
    weights = layer.weights["weights"]
    if kind != "per_channel":
        assert weights.shape == (3,)
        weights = np.stack([weights] * 5, axis=1)
    assert_close(found, reference.weighted_sum(inputs, reference.shortcut_factors(weights, normalization)))


def test_negative_factors_count_as_zero_with_relu() -> None:
    layer = make_layer("[shortcut] from=-2 weights_type=per_feature weights_normalization=relu")
    layer.weights["weights"] = np.array([-1, 2], np.float32)
    x, other = random_input(FIRST, seed=1), random_input(FIRST, seed=2)
    assert_close(layer.forward([x, other]), other * 2 / 2.0001)


def test_factors_begin_at_one() -> None:
    layer = make_layer("[shortcut] from=-2,-3 weights_type=per_channel weights_normalization=relu")
    (array,) = layer.arrays([FIRST] * 3)
    assert (array.name, array.shape, array.initial) == ("weights", (3, 5), 1)
    assert make_layer("[shortcut] from=-2").arrays([FIRST] * 2) == []


def test_flops_are_doubled_by_factors() -> None:
    assert make_layer("[shortcut] from=-2,-3").flops([FIRST] * 3) == 2 * 120
    weighted = make_layer("[shortcut] from=-2,-3 weights_type=per_feature weights_normalization=relu")
    assert weighted.flops([FIRST] * 3) == 4 * 120


@pytest.mark.parametrize(
    ("shape", "remedy"),
    [
        ((5, 4, 6), None),
        ((3, 4, 6), "The first 3 channels are added"),
        ((9, 4, 6), "The first 5 channels are added"),
        ((5, 8, 12), None),
        ((3, 2, 3), None),
        ((5, 5, 7), "A part of the larger picture is left out"),
    ],
)
def test_unequal_shapes_are_remarked_on(shape: tuple[int, int, int], remedy: str | None) -> None:
    found = list(make_layer("[shortcut] from=-2").remarks([FIRST, shape]))
    assert [warning.remedy for warning in found] == ([] if remedy is None else [remedy])
    assert all("layer 3 is 5x4x6, layer 2" in warning.found and warning.option == "from" for warning in found)


def test_normalization_without_weights_is_remarked_on() -> None:
    (warning,) = make_layer("[shortcut] from=-2 weights_normalization=relu").remarks([FIRST, FIRST])
    assert warning.option == "weights_normalization"


@pytest.mark.parametrize("shape", [(5, 8, 6), (5, 1, 2), (5, 8, 3), (120,)])
def test_sizes_that_differ_by_different_factors_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer("[shortcut] from=-3").output_shape([FIRST, shape])
    assert caught.value.option == "from"
    assert caught.value.found.startswith("layer 3 is 5x4x6, layer 1 ")


@pytest.mark.parametrize(
    "text",
    ["from=-2,-3 alpha=2", "from=-2,-3 beta=2", "from=-2 beta=.5 weights_type=per_feature weights_normalization=relu"],
)
def test_alpha_and_beta_are_for_one_plain_layer(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer(f"[shortcut] {text}")
    assert caught.value.option in {"alpha", "beta"}


@pytest.mark.parametrize("reference_text", ["4", "7", "-9"])
def test_references_must_point_to_earlier_layers(reference_text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer(f"[shortcut] from={reference_text}").sources()
    assert caught.value.option == "from"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[shortcut]", "no from="),
        ("[shortcut] from=-2 weights_type=some", "weights_type=some"),
        ("[shortcut] from=-2 weights_normalization=l1", "weights_normalization=l1"),
    ],
)
def test_bad_options_are_refused(text: str, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_layer(text)
    assert caught.value.found == found
