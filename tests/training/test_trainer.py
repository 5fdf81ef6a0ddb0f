"""Training with arrays: what a step changes, what is reported, and that predictions follow."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

import darknetpy
from darknetpy.config.sections import parse_cfg
from darknetpy.errors import ConfigError, TrainingError
from darknetpy.network import Memory, Network
from darknetpy.training.optimizers import AdamW
from darknetpy.training.progress import Progress
from darknetpy.training.trainer import Trainer

NET = "[net]\nwidth=6\nheight=6\nchannels=1\nlearning_rate=0.5\nmomentum=0.9\ndecay=0\n"
LINEAR = f"{NET}[connected]\noutput=3\nactivation=linear\n[softmax]\n"
SMALL = (
    f"{NET}[convolutional]\nbatch_normalize=1\nfilters=4\nsize=3\npad=1\nactivation=leaky\n[maxpool]\nsize=2\nstride=2\n"
    "[convolutional]\nfilters=3\nsize=1\nactivation=linear\n[avgpool]\n[softmax]\n"
)


def network(text: str = SMALL, **more: Any) -> Network:
    return darknetpy.load(parse_cfg(text, "small.cfg"), **more)


def stripes(count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Noise with one bright row, one bright column, or neither."""
    random = np.random.default_rng(seed)
    x, y = 0.3 * random.random((count, 1, 6, 6), np.float32), random.integers(0, 3, count)
    for picture, kind, place in zip(x[:, 0], y, random.integers(0, 6, count), strict=True):
        if kind == 0:
            picture[place] += 0.7
        elif kind == 1:
            picture[:, place] += 0.7
    return x, y


def arrays_of(net: Network) -> dict[str, np.ndarray]:
    return {f"{node.index}.{a.name}": node.weights[a.name].copy() for node in net.layers for a in node.arrays}


def test_a_step_is_the_formula() -> None:
    """Cross entropy of softmax(w x + b): its gradient is (p - t) x, in float64 by hand."""
    net = network(LINEAR)
    w, b = (net.layers[0].weights[name].astype(np.float64) for name in ("weights", "biases"))
    x, y = stripes(5)
    rows, truth = x.reshape(5, -1).astype(np.float64), np.eye(3)[y]
    values = rows @ w.reshape(3, -1).T + b
    p = np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)
    trainer = Trainer(net, learning_rate=0.1, decay=0.01)
    figures = trainer.step(x, y)
    gradient = (p - truth).T @ rows / 5
    np.testing.assert_allclose(trainer.gradients["connected0"]["weights"].reshape(3, -1), gradient, atol=1e-6)
    np.testing.assert_allclose(trainer.gradients[0]["biases"], (p - truth).mean(axis=0), atol=1e-6)
    decayed = gradient + 0.01 * w.reshape(3, -1)
    new = net.layers[0].weights["weights"].reshape(3, -1)
    np.testing.assert_allclose(new, w.reshape(3, -1) - 0.1 * decayed, atol=1e-6)
    assert figures.loss == pytest.approx(-np.log((p * truth).sum(axis=1)).mean(), rel=1e-5)
    assert figures.accuracy == pytest.approx((p.argmax(axis=1) == y).mean())
    assert (figures.rate, figures.iteration, trainer.iteration) == (pytest.approx(0.1), 1, 1)


def test_it_learns_and_predictions_and_files_follow(tmp_path: Path) -> None:
    net, (x, y) = network(), stripes(240)
    trainer = Trainer(net, learning_rate=0.3)
    before = net.predict(x)  # packs the weights of the beginning
    history = trainer.fit(x, y, epochs=25, batch_size=16, validation_data=stripes(60, seed=2))
    assert {name: len(values) for name, values in history.items()} == dict.fromkeys(
        ("loss", "accuracy", "val_loss", "val_accuracy"), 25
    )
    assert history["accuracy"][-1] > 0.95
    assert history["loss"][-1] < history["loss"][0] / 3
    assert history["val_accuracy"][-1] > 0.9
    after = net.predict(x)
    assert (after.argmax(axis=1) == y).mean() > 0.95
    assert not np.allclose(after, before)
    np.testing.assert_allclose(after, net.predict(x, engine=False), atol=1e-5)
    net.save_weights(tmp_path / "new.weights")
    again = network(weights=tmp_path / "new.weights")
    np.testing.assert_array_equal(again.predict(x), after)


@pytest.mark.parametrize("memory", get_args(Memory))
def test_weights_from_a_file_are_trained_whatever_is_kept_of_them(tmp_path: Path, memory: Memory) -> None:
    network().save_weights(tmp_path / "first.weights")
    net, (x, y) = network(weights=tmp_path / "first.weights", memory=memory), stripes(32)
    other, first = network(), net.predict(x)
    for one in (net, other):
        Trainer(one, learning_rate=0.1).fit(x, y, batch_size=8)
    for _ in range(2):  # packed anew, and once more from what is packed
        np.testing.assert_allclose(net.predict(x), other.predict(x), atol=1e-6)
    assert not np.allclose(net.predict(x), first)
    assert all(np.array_equal(array, arrays_of(other)[name]) for name, array in arrays_of(net).items())
    np.testing.assert_allclose(net.predict(x, engine=False), net.predict(x), atol=1e-5)


def test_backpropagation_finds_the_slope_and_changes_nothing() -> None:
    net, (x, y) = network(SMALL.replace("batch_normalize=1\n", "")), stripes(4)
    trainer, before = Trainer(net), arrays_of(net)
    found = trainer.backpropagate(x, y)
    assert all(np.array_equal(array, before[name]) for name, array in arrays_of(net).items())
    weights = net.layers["conv0"].weights["weights"]
    for place in ((0, 0, 1, 1), (3, 0, 0, 2)):
        losses = []
        for step in (0.01, -0.01):
            weights[place] += step
            losses.append(trainer.backpropagate(x, y).loss)
            weights[place] -= np.float32(step)
        slope = (losses[0] - losses[1]) / 0.02
        assert found.gradients["conv0"]["weights"][place] == pytest.approx(slope, abs=2e-3)
    assert {name: array.shape[1:] for name, array in found.by_outputs.items()} == {
        f"{node.type}{node.index}": node.output_shape for node in net.layers
    }
    assert found.outputs["softmax4"].sum(axis=1) == pytest.approx(np.ones(4))
    assert found.by_input is not None
    assert found.by_input.shape == x.shape
    assert set(found.gradients["convolutional2"]) == {"weights", "biases"}


def test_evaluation_is_that_of_the_network_outside_of_training() -> None:
    text = SMALL.replace("batch_normalize=1\n", "").replace("[avgpool]", "[dropout]\nprobability=0.5\n[avgpool]")
    net, (x, y) = network(text), stripes(21)
    Trainer(net).fit(x, y, epochs=30)
    p = net.predict(x, engine=False).astype(np.float64)
    found = Trainer(net).evaluate(x, y, batch_size=8)
    assert found.loss == pytest.approx(-np.log(p[np.arange(21), y]).mean(), rel=1e-5)
    assert found.accuracy == (p.argmax(axis=1) == y).mean()
    assert Trainer(net).evaluate(x, np.eye(3, dtype=np.float32)[y]) == pytest.approx(found)


def test_a_seed_decides_and_nothing_else() -> None:
    results = []
    for seed in (3, 3, 4):
        net, (x, y) = network(SMALL.replace("[avgpool]", "[dropout]\n[avgpool]")), stripes(40)
        history = Trainer(net, learning_rate=0.1, seed=seed, input_noise=0.1).fit(x, y, batch_size=8, epochs=2)
        results.append((history, {name: array.tobytes() for name, array in arrays_of(net).items()}))
    assert results[0] == results[1] != results[2]


def test_noise_and_l1_and_optimizers_change_what_is_learnt() -> None:
    results = {}
    for name, options in {
        "plain": {}, "noise": {"input_noise": 0.2}, "l1": {"l1": 0.1}, "adam": {"optimizer": "adam"},
        "own": {"optimizer": AdamW(0.9, 0.99, 1e-8)},
    }.items():  # fmt: skip
        net, (x, y) = network(LINEAR), stripes(30)
        Trainer(net, learning_rate=0.02, **options).fit(x, y, epochs=3, batch_size=10)
        results[name] = np.abs(net.layers[0].weights["weights"]).sum()
    assert len(set(results.values())) == len(results)
    assert results["l1"] < results["plain"]


def test_the_rate_is_that_of_the_cfg_where_none_is_given() -> None:
    x, y = stripes(4)
    steps = Trainer(network(LINEAR.replace("decay=0\n", "decay=0\npolicy=steps\nsteps=2\nscales=.1\n")))
    assert [steps.step(x, y).rate for _ in range(3)] == pytest.approx([0.5, 0.05, 0.05])
    with pytest.raises(ConfigError, match="no max_batches="):
        Trainer(network(LINEAR.replace("decay=0\n", "decay=0\npolicy=poly\n")))
    given = Trainer(network(LINEAR.replace("decay=0\n", "decay=0\npolicy=poly\nburn_in=9\n")), learning_rate=0.2)
    assert given.step(x, y).rate == pytest.approx(0.2)


def test_frozen_layers_stay() -> None:
    net = network(SMALL.replace("stride=2\n", "stride=2\nstopbackward=1\n"))
    before = arrays_of(net)
    trainer = Trainer(net, learning_rate=0.1)
    trainer.fit(*stripes(20), batch_size=5)
    after = arrays_of(net)
    assert {name[0] for name in after if not np.array_equal(after[name], before[name])} == {"2"}
    assert list(trainer.gradients) == ["convolutional2"]


def test_callbacks_are_told_and_can_end_it() -> None:
    told: list[Progress] = []

    def listen(progress: Progress) -> bool:
        told.append(progress)
        return len(told) == 7

    history = Trainer(network()).fit(*stripes(20), batch_size=5, epochs=9, callbacks=[listen])
    assert [one.figures.iteration for one in told] == list(range(1, 8))
    assert [one.monitored is not None for one in told] == [False, False, False, True, False, False, False]
    assert len(history["loss"]) == 1
    assert told[3].monitored == {name: values[0] for name, values in history.items()}
    assert history["loss"][0] == pytest.approx(np.mean([one.figures.loss for one in told[:4]]))


def test_values_can_be_learnt_too() -> None:
    net = network(f"{NET}[connected]\noutput=2\nactivation=linear\n[cost]\ntype=sse\n")
    x, _ = stripes(200)
    wanted = np.stack([x.mean(axis=(1, 2, 3)), x[:, 0, 0, 0]], axis=1)
    trainer = Trainer(net, learning_rate=0.02)
    before = trainer.evaluate(x, wanted)
    trainer.fit(x, wanted, epochs=20, batch_size=20)
    p = net.predict(x, engine=False).reshape(200, 2)
    after = trainer.evaluate(x, wanted)
    assert after.loss < before.loss / 20
    assert after.loss == pytest.approx(((p - wanted) ** 2).sum(axis=1).mean(), rel=1e-4)


def test_a_step_that_fails_changes_nothing() -> None:
    net, (x, y) = network(), stripes(6)
    trainer = Trainer(net, learning_rate=0.1)
    trainer.step(x, y)
    before, bad = arrays_of(net), x.copy()
    bad[3] = np.nan
    with pytest.raises(TrainingError, match="a value of the input is nan in iteration 2"):
        trainer.step(bad, y)
    assert all(np.array_equal(array, before[name]) for name, array in arrays_of(net).items())
    assert trainer.step(x, y).iteration == 2


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((2, 1, 6, 6), np.uint8), [0, 1], "x of shape .* uint8, expected .*float32. Bytes are divided by 255"),
        (np.zeros((2, 1, 5, 6), np.float32), [0, 1], r"expected \(n, 1, 6, 6\) float32"),
        (np.zeros((2, 1, 6, 6), np.float32), [0], r"y of shape \(1,\) for 2 pictures"),
        (np.zeros((2, 1, 6, 6), np.float32), [0, 3], "class 3, expected 0 to 2"),
        (np.zeros((2, 1, 6, 6), np.float32), [-1, 0], "class -1, expected 0 to 2"),
        (np.zeros((2, 1, 6, 6), np.float32), np.zeros((2, 4), np.float32), "expected numbers of classes"),
        (np.zeros((2, 1, 6, 6), np.float32), [0.5, 1], "expected numbers of classes"),
    ],
)
def test_wrong_arrays_are_refused(x: np.ndarray, y: Any, message: str) -> None:
    trainer = Trainer(network())
    for call in (trainer.step, trainer.fit, trainer.evaluate, trainer.backpropagate):
        with pytest.raises(TrainingError, match=message):
            call(x, np.asarray(y))


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (NET + "[connected]\noutput=3\n", {}, "no layer with a loss"),
        (SMALL, {"learning_rate": -1}, "learning_rate=-1, expected a number that is not below 0"),
        (SMALL, {"optimizer": "sdg"}, "optimizer=sdg, expected one of sgd, adam, adamw"),
        (SMALL, {"input_noise": float("nan")}, "input_noise=nan"),
    ],
)
def test_what_cannot_be_trained_is_refused(text: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        Trainer(network(text), **options)
