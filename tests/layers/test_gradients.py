"""Every layer type's way back against central differences in float64, over the registry."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from darknetpy.errors import TrainingError
from darknetpy.layers.base import Array, Layer, RecurrentLayer, Shape, Tape
from darknetpy.layers.state import LayerState
from tests.layers.test_every_layer import CASES, filled
from tests.layers.workbench import fill, make_layer, random_input

pytestmark = pytest.mark.quick
HEADS = {"yolo", "Gaussian_yolo", "region", "detection"}
"""Types without a way back: their losses are those of detectors."""
STEP = 1e-5
TOLERANCE = 1e-6  # of the largest gradient
PLACES = 24  # of an array that are tried; all where it has no more
TIME_STEPS = 3
RECURRENT_CASES = [case for case in CASES if isinstance(make_layer(str(case.values[0])), RecurrentLayer)]
SMOOTH_CASES = [
    case for case in CASES if make_layer(str(case.values[0])).type not in HEADS and "xnor=1" not in str(case.values[0])
]


class Trial:
    """A layer with inputs, a random direction for its output, and the sum of both as its loss."""

    def __init__(self, layer: Layer, inputs: list[np.ndarray], *, training: bool = True, time_steps: int = 1) -> None:
        self.layer, self.inputs, self.training, self.time_steps = layer, inputs, training, time_steps
        for name, array in layer.weights.items():
            layer.weights[name] = array.astype(np.float64)
        self.tape, output = self.run()
        self.direction = np.random.default_rng(5).standard_normal(output.shape)

    def run(self) -> tuple[Tape, np.ndarray]:
        tape = Tape(training=self.training, random=np.random.default_rng(3))
        if isinstance(self.layer, RecurrentLayer):
            return tape, self.layer.advance(self.inputs, LayerState(self.time_steps), tape)
        return tape, self.layer.forward(self.inputs, tape)

    def loss(self) -> float:
        return float((self.run()[1] * self.direction).sum())

    def check(self) -> None:
        before = self.direction.copy()
        by_inputs = self.layer.backward(self.direction, self.tape)
        assert np.array_equal(self.direction, before)
        assert len(by_inputs) == len(self.inputs)
        for x, found in zip(self.inputs, by_inputs, strict=True):
            found = np.zeros_like(x) if found is None else found
            assert found.dtype == x.dtype
            assert_gradient(found, x, self.loss)
        trained = {array.name for array in self.arrays() if array.trained}
        assert set(self.tape.gradients) == trained
        for name in trained:
            assert_gradient(self.tape.gradients[name], self.layer.weights[name], self.loss)

    def arrays(self) -> list[Array]:
        return self.layer.arrays([x.shape[1:] for x in self.inputs])


def assert_gradient(found: np.ndarray, values: np.ndarray, loss: Callable[[], float]) -> None:
    """Compare with what the loss does when single values change a little."""
    assert found.shape == values.shape
    flat = values.reshape(-1)
    assert np.shares_memory(flat, values)
    places = np.random.default_rng(9).permutation(flat.size)[:PLACES]
    expected = np.empty(len(places))
    for number, place in enumerate(places):
        kept = flat[place]
        flat[place] = kept + STEP
        above = loss()
        flat[place] = kept - STEP
        below = loss()
        flat[place] = kept
        expected[number] = (above - below) / (2 * STEP)
    difference = np.abs(found.reshape(-1)[places] - expected).max(initial=0)
    assert difference <= TOLERANCE * max(1.0, np.abs(found).max(initial=0)), f"off by {difference:.3g}"


def inputs_for(shapes: list[Shape], n: int) -> list[np.ndarray]:
    return [random_input(shape, n, seed) for seed, shape in enumerate(shapes)]


@pytest.mark.parametrize("training", [True, False], ids=["training", "frozen"])
@pytest.mark.parametrize(("text", "shapes"), SMOOTH_CASES)
def test_gradients_are_those_of_central_differences(text: str, shapes: list[Shape], training: bool) -> None:
    Trial(filled(text, shapes), inputs_for(shapes, 3), training=training).check()


@pytest.mark.parametrize(("text", "shapes"), RECURRENT_CASES)
def test_gradients_go_back_through_time(text: str, shapes: list[Shape]) -> None:
    layer = filled(text, shapes)
    if layer.type == "history":
        pytest.skip("no gradient goes into the past of [history], as in Darknet")
    Trial(layer, inputs_for(shapes, 3 * TIME_STEPS), time_steps=TIME_STEPS).check()


@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
@pytest.mark.parametrize("text", ["[convolutional] filters=3 size=3 batch_normalize=1", "[batchnorm]"])
def test_batch_normalization_goes_back_exactly_in_both_dialects(text: str, dialect: str) -> None:
    layer = make_layer(text, dialect=dialect)
    fill(layer, [(2, 4, 5)])
    Trial(layer, inputs_for([(2, 4, 5)], 2)).check()


def test_gradients_pass_signs_as_if_they_were_not_there() -> None:
    binary = filled("[convolutional] filters=4 size=3 pad=1 xnor=1 activation=tanh", [(2, 5, 4)])
    (x,) = inputs_for([(2, 5, 4)], 3)
    weights = binary.weights["weights"].astype(np.float64)
    plain = make_layer("[convolutional] filters=4 size=3 activation=tanh")
    means = np.abs(weights).mean(axis=(1, 2, 3), keepdims=True)
    plain.weights.update(weights=np.where(weights > 0, means, -means), biases=binary.weights["biases"])
    tape, plain_tape = Tape(), Tape()
    padded = np.pad(np.where(x > 0, 1.0, -1.0), ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-1)
    output = binary.forward([x], tape)
    np.testing.assert_allclose(output, plain.forward([padded], plain_tape))
    direction = np.random.default_rng(4).standard_normal(output.shape)
    (found,), (expected,) = binary.backward(direction, tape), plain.backward(direction, plain_tape)
    assert found is not None
    assert expected is not None
    np.testing.assert_allclose(found, expected[:, :, 1:-1, 1:-1] * (np.abs(x) < 1))
    for name in ("weights", "biases"):
        np.testing.assert_allclose(tape.gradients[name], plain_tape.gradients[name])


def test_a_training_pass_notes_the_statistics_of_the_batch() -> None:
    layer = filled("[batchnorm]", [(2, 3, 3)])
    (x,) = inputs_for([(2, 3, 3)], 4)
    tape = Tape()
    output = layer.forward([x], tape)
    np.testing.assert_allclose(tape.statistics["rolling_mean"][0], x.mean(axis=(0, 2, 3)))
    np.testing.assert_allclose(tape.statistics["rolling_variance"][0], x.var(axis=(0, 2, 3), ddof=1))
    normalized = (output - layer.weights["biases"].reshape(-1, 1, 1)) / layer.weights["scales"].reshape(-1, 1, 1)
    np.testing.assert_allclose(normalized.mean(axis=(0, 2, 3)), 0, atol=1e-6)


def test_one_value_for_a_channel_cannot_be_normalized() -> None:
    layer = filled("[batchnorm]", [(2, 1, 1)])
    with pytest.raises(TrainingError, match=r"one value for each channel.*Write a larger batch"):
        layer.forward(inputs_for([(2, 1, 1)], 1), Tape())


LOSSES = [
    ("[cost]", 0.5), ("[cost] type=smooth", 0.5), ("[cost] type=L1", 1.0), ("[cost] type=masked", 0.5),
    ("[cost] scale=3", 1.5),
    ("[softmax]", 1.0), ("[softmax] groups=2", 1.0), ("[softmax] temperature=2", 1.0), ("[softmax] spatial=1", 1.0),
    ("[logistic]", 1.0),
]  # fmt: skip


@pytest.mark.parametrize(("text", "part"), LOSSES)
def test_losses_hand_down_their_own_gradient(text: str, part: float) -> None:
    """The gradient is that of ``part`` of the loss that is printed, and of what comes from above."""
    layer, shape = make_layer(text), (6, 2, 3)
    (x,) = inputs_for([shape], 2)
    truth = np.random.default_rng(2).random((2, *shape))

    def loss() -> float:
        tape = Tape(truth=truth)
        layer.forward([x], tape)
        assert tape.loss is not None
        return part * tape.loss

    tape = Tape(truth=truth)
    output = layer.forward([x], tape)
    (found,) = layer.backward(np.zeros_like(output), tape)
    assert found is not None
    assert_gradient(found, x, loss)


def test_unknown_truths_have_no_gradient() -> None:
    truth = np.array([[0.2, -1234.0, 0.7]])
    for text in ("[cost] type=masked", "[softmax]"):
        layer, tape = make_layer(text), Tape(truth=truth)
        x = np.array([[0.3, 0.1, -0.4]])
        output = layer.forward([x], tape)
        (found,) = layer.backward(np.zeros_like(output), tape)
        assert found is not None
        if text == "[softmax]":
            np.testing.assert_allclose(found, output * 0.9 - [[0.2, 0, 0.7]])
        else:
            assert found[0, 1] == 0
            assert np.all(found[0, ::2] != 0)


def test_dropout_drops_the_part_that_it_says_and_keeps_the_mean() -> None:
    layer = make_layer("[dropout] probability=.25")
    x = np.ones((50, 400))
    tape = Tape(random=np.random.default_rng(1))
    output = layer.forward([x], tape)
    assert set(np.unique(output)) == {0, 1 / 0.75}
    assert (output == 0).mean() == pytest.approx(0.25, abs=0.01)
    assert layer.forward([x]) is x
