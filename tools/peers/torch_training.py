"""A graph as a PyTorch module that learns, with the update that Darknet makes."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch.nn import functional

from darknetpy.graph import Graph, Node
from darknetpy.training.schedules import learning_rate
from darknetpy.training.updates import ROLLING_SHARE
from tools.peers.networks import answers
from tools.peers.torch_module import ACTIVATIONS, Network, convolution

Tensor = torch.Tensor


class LearningNetwork(Network):
    """The layers with their batch normalization; gives what the loss is taken of.

    PyTorch normalizes with the variance of all values of the batch, Darknet with that of a sample of them.
    """

    activations: ClassVar = {
        **ACTIVATIONS,  # in place where the value before is not needed to go back: less memory, and faster
        "leaky": lambda x: functional.leaky_relu(x, 0.1, inplace=True),
        "relu": lambda x: functional.relu(x, inplace=True),
    }

    def __init__(self, graph: Graph) -> None:
        self.loss = _loss_node(graph)
        super().__init__(graph, self.loss.sources if self.is_classifier else [self.loss.index])

    @property
    def is_classifier(self) -> bool:
        """Whether it ends with a softmax."""
        return self.loss.type == "softmax"

    def convolution(self, node: Node) -> torch.nn.Module:
        if not node.options.batch_normalize:
            return convolution(node, node.weights["weights"], node.weights["biases"])
        layer: Any = node.layer
        made = torch.nn.BatchNorm2d(node.options.filters, eps=layer.dialect.batch_norm_epsilon, momentum=ROLLING_SHARE)
        for parameter, name in ((made.weight, "scales"), (made.bias, "biases")):
            parameter.data = torch.from_numpy(node.weights[name])
        return torch.nn.Sequential(convolution(node, node.weights["weights"], None), made)

    def loss_of(self, pictures: Tensor, truths: Tensor) -> Tensor:
        """For one picture: the cross entropy, or half the squared error."""
        (found,) = self(pictures)
        if self.is_classifier:
            return functional.cross_entropy(found.flatten(1) / self.loss.options.temperature, truths)
        return (found.flatten(1) - truths).square().sum() / (2 * len(pictures))

    def optimizer(self, graph: Graph) -> torch.optim.Optimizer:
        """Momentum as in Darknet: filters decay, biases and scales do not. All arrays are changed by one function."""
        decaying = [array for array in self.parameters() if array.ndim > 1]
        others = [array for array in self.parameters() if array.ndim == 1]
        groups = [{"params": decaying, "weight_decay": graph.net.decay}, {"params": others, "weight_decay": 0}]
        return torch.optim.SGD(groups, learning_rate(graph.net, 1), graph.net.momentum, fused=True)


def _loss_node(graph: Graph) -> Node:
    (index,) = answers(graph)
    return graph.nodes[index]
