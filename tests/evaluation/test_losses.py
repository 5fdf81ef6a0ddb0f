"""Losses of answers, against those that the layers have in training."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.evaluation.losses import loss_of
from darknetpy.graph import Graph, build_graph, initial_weights
from darknetpy.training.passes import Pass

CFG = "[net]\ninputs=6\nbatch=1\nmax_batches=1\n[connected]\noutput=4\nactivation=linear\n"


def network(layers: str) -> Graph:
    graph = build_graph(parse_cfg(CFG + layers), training=True)
    initial_weights(graph, 3)
    return graph


@pytest.mark.parametrize(
    "layers",
    ["[softmax]", "[softmax]\n[cost]", "[logistic]", "[cost]", "[cost]\ntype=L1", "[cost]\ntype=smooth"],
)
@pytest.mark.parametrize("several", [False, True])
def test_losses_are_those_of_training(layers: str, several: bool) -> None:
    graph = network(layers)
    random = np.random.default_rng(1)
    batch = random.standard_normal((5, 6, 1, 1)).astype(np.float32)
    right = np.eye(4, dtype=np.bool_)[random.integers(0, 4, 5)]
    if several:
        right[2, :3] = True
    training = Pass(graph)
    training.forward(batch, right.astype(np.float32), random=random)
    answers = graph.run(batch)[graph.output_index].reshape(5, 4)
    losses = loss_of(graph)(answers, right)
    assert losses.shape == (5,)
    assert losses.sum() == pytest.approx(training.loss, rel=1e-5)


def test_a_certain_mistake_has_a_large_loss_and_no_infinite_one() -> None:
    losses = loss_of(network("[softmax]"))(np.array([[0, 1, 0, 0]], np.float32), np.eye(4, dtype=np.bool_)[:1])
    assert 20 < losses[0] < 40


def test_networks_without_a_loss_are_measured_by_the_cross_entropy() -> None:
    losses = loss_of(network(""))(np.full((1, 4), 0.25, np.float32), np.eye(4, dtype=np.bool_)[:1])
    assert losses[0] == pytest.approx(np.log(4))
