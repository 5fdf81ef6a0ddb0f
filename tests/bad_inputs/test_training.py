"""Rows of the catalogue about networks that are to be trained: CFG-145 to 147, and TRAIN-... where files have no part.

TRAIN-001 and 002, numbers that are none, are in tests/training/test_step.py.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.errors import DarknetpyError, Findings, TrainingError
from darknetpy.graph import Graph, build_graph, initial_weights
from darknetpy.training.checks import check_trainable
from darknetpy.training.passes import Pass
from darknetpy.training.step import Training
from tests.bad_inputs.rows import CONVOLUTIONAL, PATH, Row, assert_one_clear_line, assert_points_at, net, run, then

TRAINED = net(training=True)
ONE = TRAINED.replace("batch=8", "batch=1")
RANDOM = TRAINED.replace("max_batches=100", "max_batches=100\nrandom=1")
HEAD = ("[convolutional] filters=18 activation=linear", "[yolo] anchors=4,4,8,8,16,16 num=3 classes=1 random=1")
ROWS = (
    Row("CFG-145 connected", then("[connected] output=3", "[softmax]", base=RANDOM), "random=1", "[net]", "random",
        says=("random= with [connected] in layer 1", "pictures of one size", "Write random=0")),
    Row("CFG-145 local", then("[local] filters=2 size=3 pad=1", "[cost]", base=RANDOM), "random=1", "[net]", "random",
        says=("random= with [local] in layer 1",)),
    Row("CFG-145 head", then("[connected] output=192", "[connected]", "[route] layers=0", *HEAD, base=TRAINED),
        "random=1", "[yolo] layer 5", "random", says=("random= with [connected] in layer 1",)),
    Row("CFG-146", then("[cost] stopbackward=1", base=TRAINED), "stopbackward=1", "[cost] layer 1", "stopbackward",
        says=("no layer behind it has weights, expected something to train",)),
    Row("CFG-146 last with weights", TRAINED + "stopbackward=1\n\n[cost]\n", "stopbackward=1",
        "[convolutional] layer 0", "stopbackward"),
    Row("CFG-147", TRAINED, says=("no layer with a loss", "[softmax], [logistic] or [cost]")),
    Row("CFG-147 noloss", then("[softmax] noloss=1", base=TRAINED), says=("no layer with a loss",)),
    Row("TRAIN-003", then(*HEAD, base=ONE), "batch=1", "[net]", "batch",
        says=("batch=1, expected more pictures in an update of a detector",)),
    Row("TRAIN-004", then("[avgpool]", "[convolutional] batch_normalize=1", "[cost]", base=ONE), "batch_normalize=1",
        "[convolutional] layer 2", "batch_normalize", says=("one picture a mini-batch, of one pixel", "larger batch")),
    Row("TRAIN-004 connected", then("[connected] batch_normalize=1", "[cost]", base=ONE), "batch_normalize=1",
        "[connected] layer 1", "batch_normalize", says=("expected at least two",)),
    Row("TRAIN-004 section", then("[avgpool]", "[batchnorm]", "[cost]", base=ONE), "[batchnorm]",
        "[batchnorm] layer 2", says=("expected at least two",)),
)  # fmt: skip


def check(text: str | bytes) -> Findings:
    graph, findings = run(text, training=True)
    check_trainable(graph, findings)
    return findings


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS])
def test_a_training_that_cannot_be_does_not_start(row: Row) -> None:
    findings = Findings(collect=True)
    check_trainable(run(row.text, training=True)[0], findings)
    found = [error for error in findings.errors if all(words in str(error) for words in row.says)]
    assert found, [str(error) for error in findings.errors]
    error: DarknetpyError = found[0]
    assert_one_clear_line(error)  # type: ignore[arg-type]  # the same fields
    if isinstance(error, TrainingError):
        assert error.path == PATH
    else:
        assert_points_at(error, replace(row, says=()))  # type: ignore[arg-type]
    with pytest.raises(DarknetpyError):
        check(row.text)


def test_what_only_looks_like_these_rows_is_accepted() -> None:
    for text in (
        then("[avgpool]", "[softmax]", base=RANDOM),
        then("[connected] output=3", "[softmax]", base=TRAINED),
        TRAINED.replace(CONVOLUTIONAL, CONVOLUTIONAL + "stopbackward=1\n" + CONVOLUTIONAL) + "\n[cost]\n",
        then("[convolutional] batch_normalize=1", "[cost]", base=ONE),
    ):
        assert check(text).warnings == []


def test_one_value_to_normalize_is_refused_also_without_the_check() -> None:
    """TRAIN-004"""
    graph = build_graph(parse_cfg(then("[connected] batch_normalize=1", "[cost]")))
    initial_weights(graph)
    with pytest.raises(TrainingError, match="one value for each channel"):
        Pass(graph).forward(np.zeros((1, 3, 32, 32)), np.zeros((1, 1)), random=np.random.default_rng(0))


FLAT = "[net]\ninputs=6\nbatch=8\nlearning_rate=.1\nmax_batches=50\n"
STEPS = FLAT.replace("batch=8", "batch=4\ntime_steps=3").replace("=.1", "=.5")
PICTURE = "[net]\nwidth=6\nheight=6\nchannels=2\nbatch=8\nlearning_rate=.1\nmax_batches=50\n"
END = "\n[connected]\noutput=3\nactivation=linear\n[softmax]\n"
LEAKY = "[convolutional]\nfilters=4\nsize=3\npad=1\nactivation=leaky\n"
WORKS = {
    "TRAIN-016 lstm": STEPS + "[lstm]\noutput=8" + END,
    "TRAIN-017 gru": STEPS + "[gru]\noutput=8" + END,
    "TRAIN-017 gru normalized": STEPS + "[gru]\noutput=8\nbatch_normalize=1" + END,
    "TRAIN-018 rnn": STEPS + "[rnn]\noutput=8\nhidden=8\nactivation=tanh" + END,
    "TRAIN-019 local": PICTURE + "[local]\nfilters=2\nsize=3\npad=1\nactivation=leaky" + END,
    "TRAIN-020 rnn behind a convolution": PICTURE + LEAKY + "[rnn]\noutput=8\nhidden=8\nactivation=tanh" + END,
    **{
        f"TRAIN-035 {first.split()[0]}": PICTURE + "\n".join(first.split()) + "\n" + LEAKY + END
        for first in ("[maxpool] size=2", "[local_avgpool] size=2", "[activation]", "[batchnorm]", "[reorg]")
    },
    "TRAIN-035 avgpool": PICTURE.replace("=.1", "=.5") + "[avgpool]\n[connected]\noutput=16\nactivation=leaky" + END,
    "TRAIN-035 shortcut": PICTURE + LEAKY + "[shortcut]\nfrom=-1\nactivation=linear" + END,
    "TRAIN-036 and 039, no picture": FLAT + "[connected]\noutput=8\nactivation=leaky" + END,
    "TRAIN-037 subdivisions": PICTURE.replace("batch=8", "batch=8\nsubdivisions=4") + LEAKY + "[avgpool]" + END,
    "TRAIN-038 branches": PICTURE + LEAKY + LEAKY + "[shortcut]\nfrom=-2\nactivation=leaky\n[route]\nlayers=-1,0" + END,
    "TRAIN-040 normalized": PICTURE + LEAKY + "batch_normalize=1\n" + LEAKY + END,
}


def trained(text: str, iterations: int) -> tuple[Graph, list[float]]:
    """A network that has seen the same few pictures again and again, and its losses."""
    findings = Findings()
    graph = build_graph(parse_cfg(text, PATH), findings=findings, training=True)
    check_trainable(graph, findings)
    initial_weights(graph, 1)
    random, parts = np.random.default_rng(2), graph.net.subdivisions
    rows = graph.net.batch // parts * graph.net.time_steps
    shape = graph.input_shape if len(graph.input_shape) == 3 else (*graph.input_shape, 1, 1)
    pictures = [random.standard_normal((rows, *shape)).astype(np.float32) for _ in range(parts)]
    truths = [np.eye(3, dtype=np.float32)[random.integers(0, 3, rows)] for _ in range(parts)]
    training = Training(graph)
    state = graph.new_state(graph.net.time_steps)
    losses = []
    for _ in range(iterations):
        state.reset()
        losses.append(training.step(zip(pictures, truths, strict=True), state).loss)
    return graph, losses


@pytest.mark.parametrize("name", WORKS)
def test_networks_that_darknet_cannot_train_learn(name: str) -> None:
    """TRAIN-016 to 020, 035 to 040: crashes, gradients that get lost or grow, layers that are never updated."""
    text = WORKS[name]
    before, _ = trained(text, 0)
    after, losses = trained(text, 50)
    assert losses[-1] < 0.7 * losses[0], losses
    for node, other in zip(before.nodes, after.nodes, strict=True):
        for array, values in node.weights.items():
            assert not np.array_equal(values, other.weights[array]), (node.index, array)


def test_parts_of_a_batch_add_up_to_the_same_update() -> None:
    """TRAIN-037: gradients of one mini-batch are not in those of the next."""
    text = PICTURE + LEAKY + "[avgpool]" + END
    networks = []
    for parts in (1, 4):
        graph = build_graph(parse_cfg(text.replace("batch=8", f"batch=8\nsubdivisions={parts}")), training=True)
        initial_weights(graph, 1)
        random = np.random.default_rng(2)
        pictures = random.standard_normal((8, 2, 6, 6)).astype(np.float32)
        truths = np.eye(3, dtype=np.float32)[random.integers(0, 3, 8)]
        training = Training(graph)
        for _ in range(3):
            training.step(zip(np.split(pictures, parts), np.split(truths, parts), strict=True))
        networks.append(graph)
    for node, other in zip(networks[0].nodes, networks[1].nodes, strict=True):
        for array, values in node.weights.items():
            np.testing.assert_allclose(other.weights[array], values, rtol=1e-4, atol=1e-6)
