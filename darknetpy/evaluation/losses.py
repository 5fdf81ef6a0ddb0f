"""How far answers are from the truth: the loss of a classifier in training, for answers that it gives outside of one.

Source: AlexeyAB/darknet src/blas.c (softmax_x_ent_cpu, logistic_x_ent_cpu) and src/cost_layer.c.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from darknetpy.graph import Graph
from darknetpy.layers.cost import Cost
from darknetpy.layers.parts.softmax import safe_log

Loss = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Answers (n, classes), and whether each class is right (n, classes) bool -> the loss of each picture (n,)."""


def cross_entropy(answers: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Of probabilities of which one is right: -log p of the right one; where several are right their sum.

    >>> cross_entropy(np.array([[0.25, 0.75]]), np.array([[False, True]])).round(4).tolist()
    [0.2877]
    """
    return -np.where(right, safe_log(answers.astype(np.float64)), 0).sum(axis=1)


def binary_cross_entropy(answers: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Of probabilities that do not depend on each other: -log p of those that are right, -log (1 - p) of the others."""
    p = answers.astype(np.float64)
    return -np.where(right, safe_log(p), safe_log(1 - p)).sum(axis=1)


def loss_of(graph: Graph) -> Loss:
    """The loss that a network is trained with, without label smoothing; the cross entropy where it names none."""
    last = graph.nodes[graph.output_index]
    answer = graph.nodes[last.sources[0]] if last.type == "cost" and last.index else last
    if answer.type == "logistic":
        return binary_cross_entropy
    if answer.type == "softmax" or not isinstance(last.layer, Cost):
        return cross_entropy
    losses = last.layer.losses
    return lambda answers, right: losses(answers, right.astype(answers.dtype)).sum(axis=1)
