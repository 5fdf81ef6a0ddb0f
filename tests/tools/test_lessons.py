"""What networks are trained with for comparison is the same on both sides, and nothing in it is random."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.graph import build_graph, initial_weights
from tools.peers.lessons import PLANS, Plan, lesson_text, make_lesson
from tools.peers.networks import NotConvertible

CFG = """# a comment
[net]
width=12
height=12
channels=3
batch=64
subdivisions=4
learning_rate=0.4
burn_in=1000
policy=poly
momentum=0.9

[crop]
crop_width=10
crop_height=10

[convolutional]
filters=4
size=3
activation=linear

[dropout]

[softmax]
"""
SHIPPED = Path(__file__).resolve().parent.parent.parent / "cfg"


def test_what_is_random_is_left_out() -> None:
    cfg = parse_cfg(lesson_text(CFG, Plan(5, side=10)))
    assert [section.name for section in cfg.layers] == ["convolutional", "softmax"]
    net = build_graph(cfg, training=True).net
    assert (net.width, net.height, net.batch, net.subdivisions) == (10, 10, 5, 1)
    assert (net.learning_rate, net.momentum) == (pytest.approx(0.01), pytest.approx(0.9))
    assert (net.policy, net.burn_in) == ("constant", 0)


def test_the_first_layers_are_compared_with_truths_of_their_own(tmp_path: Path) -> None:
    lesson = make_lesson(CFG, Plan(5, layers=3), tmp_path / "first.weights")
    assert [section.name for section in parse_cfg(lesson.text).layers] == ["convolutional", "cost"]
    assert (lesson.pictures.shape, lesson.truths.shape) == ((5, 3, 12, 12), (5, 4 * 10 * 10))


def test_a_classifier_has_one_class_for_each_picture(tmp_path: Path) -> None:
    lesson = make_lesson(CFG, Plan(5), tmp_path / "first.weights")
    assert (lesson.truths.sum(1) == 1).all()
    assert (tmp_path / "first.weights").is_file()
    assert 0 <= lesson.pictures.min() < lesson.pictures.max() <= 1


def test_layers_that_are_named_by_their_numbers_keep_them() -> None:
    text = CFG.replace("[softmax]", "[route]\nlayers=-2\n[softmax]")
    with pytest.raises(NotConvertible, match="dropout"):
        lesson_text(text, Plan(5))


@pytest.mark.parametrize("name", PLANS)
def test_plans_are_for_shipped_networks(name: str) -> None:
    plan = PLANS[name]
    cfg = parse_cfg(lesson_text((SHIPPED / f"{name}.cfg").read_text(), plan))
    graph = build_graph(cfg, training=True)
    assert graph.input_shape == (3, plan.side, plan.side)
    assert {node.type for node in graph.nodes} <= {"convolutional", "maxpool", "shortcut", "avgpool", "softmax", "cost"}


def learner(text: str):  # type: ignore[no-untyped-def]
    """PyTorch's network, and ours with the same weights."""
    pytest.importorskip("torch")
    from tools.peers.torch_training import LearningNetwork

    graphs = [build_graph(parse_cfg(text), training=True) for _ in range(2)]
    for graph in graphs:
        initial_weights(graph, 1)
    return LearningNetwork(graphs[0]), *graphs


def divide_by_one_less(network) -> None:  # type: ignore[no-untyped-def]
    """Let PyTorch's batch normalization give what Darknet's gives: the variance of a sample is a little larger."""
    for node in network.nodes:
        if node.type == "convolutional" and node.options.batch_normalize:
            _, height, width = node.output_shape
            share = 1 - 1 / (8 * height * width)
            normalization = network.parts[str(node.index)][1]
            normalization.weight.data = normalization.weight.data * share**0.5
            normalization.eps *= share


NET = "[net]\nwidth=16\nheight=14\nchannels=3\nmax_batches=9\nlearning_rate={rate}\nmomentum=0.9\ndecay=0.01\n"
NORMALIZED = "[convolutional]\nbatch_normalize=1\nactivation=leaky\n"
MEETING = f"""{NORMALIZED}filters=6\nsize=3\npad=1
[maxpool]\nsize=2\nstride=1
{NORMALIZED}filters=8\nsize=3\npad=1\nstride=2
[shortcut]\nfrom=-3\nactivation=leaky
[convolutional]\nfilters=5\nsize=1\nactivation=linear
"""


@pytest.mark.parametrize(
    ("end", "rate"), [("[avgpool]\n[softmax]\n", 0.05), ("[cost]\n", 1e-3)], ids=["classifier", "squared error"]
)
def test_pytorch_learns_the_same(end: str, rate: float) -> None:
    """Also through a sum of pictures of different sizes and numbers of channels."""
    torch = pytest.importorskip("torch")
    from darknetpy.training.step import Training

    network, theirs, ours = learner(NET.format(rate=rate) + MEETING + end)
    random = np.random.default_rng(0)
    pictures = random.random((8, 3, 14, 16), dtype=np.float32)
    truths = random.random((8, int(np.prod(ours.nodes[ours.output_index].output_shape))), dtype=np.float32)
    if network.is_classifier:
        truths = np.eye(5, dtype=np.float32)[random.integers(5, size=8)]
    divide_by_one_less(network)
    training, optimizer = Training(ours, plain=True), network.train().optimizer(theirs)
    wanted = torch.from_numpy(truths.argmax(1) if network.is_classifier else truths)
    for _ in range(3):
        optimizer.zero_grad()
        loss = network.loss_of(torch.from_numpy(pictures), wanted)
        loss.backward()
        optimizer.step()
        figures = training.step([(pictures, truths)])
        assert float(loss.detach()) * (1 if network.is_classifier else 2) == pytest.approx(figures.loss, rel=1e-4)
    for mine, other in zip(ours.nodes, theirs.nodes, strict=True):  # PyTorch's arrays are those of its graph
        for name in {"weights", "biases"} & set(mine.weights):
            np.testing.assert_allclose(other.weights[name], mine.weights[name], rtol=0, atol=1e-5)
