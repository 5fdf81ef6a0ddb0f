"""Layers that run their plain forms between fast ones."""

from __future__ import annotations

import pytest

from darknetpy.training.fast.plainly import LoweredPlainly
from tests.training.fast.networks import END, POOL, Trial, conv, net, section

pytestmark = pytest.mark.quick
DENSE = section("connected", output=5, activation="linear")
PLAIN_LAYERS = {
    "batchnorm": section("batchnorm"),
    "activation": section("activation", activation="mish"),
    "reorg": section("reorg", stride=2),
    "local": section("local", filters=6, size=3, stride=1, pad=1, activation="leaky"),
    "grouped": conv(32, groups=4),
    "depthwise": conv(16, groups=16, batch_normalize=0, dilation=2),
    "deconvolutional": section("deconvolutional", filters=6, size=2, stride=2, activation="leaky"),
    "scale_channels": section("avgpool") + section("scale_channels", **{"from": "0", "activation": "relu"}),
    "l2norm": section("l2norm"),
    "weighted sum": conv(16) + section("shortcut", **{"from": "-2", "weights_type": "per_feature"}),
}


@pytest.mark.parametrize("name", PLAIN_LAYERS)
def test_a_plain_layer_between_fast_ones(name: str) -> None:
    program = Trial(net((3, 8, 6), conv(16), PLAIN_LAYERS[name], conv(18), END)).check()
    assert any(isinstance(layer, LoweredPlainly) and layer.node.type != "softmax" for layer in program._layers.values())


def test_what_follows_a_dropout_and_what_reads_around_it() -> None:
    """A dropout stands for the layer before it, wherever that is read from then on."""
    dropout = section("dropout", probability=0.4)
    layers = (
        conv(16), dropout, conv(16), section("shortcut", **{"from": 0, "activation": "linear"}), dropout, dropout,
        section("route", layers="0,-1"), conv(6),
    )  # fmt: skip
    Trial(net((3, 7, 8), *layers, END)).check()


def test_dense_layers_with_and_without_batch_normalization() -> None:
    hidden = section("connected", output=20, activation="leaky", batch_normalize=1)
    Trial(net((3, 8, 8), conv(16), POOL, hidden, DENSE, "[softmax]\n"), images=6).check()


def test_no_fast_layer_reads_what_plain_ones_give() -> None:
    Trial(net((3, 5, 4), conv(16), DENSE, "[softmax]\n")).check()


def test_a_cost_below_the_last_layer_without_a_gradient_from_above() -> None:
    cost = section("cost", type="sse")
    Trial(net((3, 5, 4), conv(6, batch_normalize=0), cost)).check()
