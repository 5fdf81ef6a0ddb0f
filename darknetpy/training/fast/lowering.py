"""From layers to the steps of a training pass: which layer types have a fast form, and where it is.

The others run their plain forms as steps of their own, in between, on (n, c, h, w) arrays.
"""

from __future__ import annotations

from darknetpy.graph import Node
from darknetpy.training.fast.connected import LoweredConnected
from darknetpy.training.fast.convolutional import LoweredConvolution
from darknetpy.training.fast.dropping import LoweredDropout
from darknetpy.training.fast.joining import LoweredRoute, LoweredUpsample
from darknetpy.training.fast.lowered import Lowered, Wiring
from darknetpy.training.fast.plainly import LoweredPlainly
from darknetpy.training.fast.pooling import LoweredAverage, LoweredMaxpool
from darknetpy.training.fast.scaling import LoweredScaleChannels
from darknetpy.training.fast.shortcuts import LoweredShortcut

FAST_FORMS: dict[str, type[Lowered]] = {
    "convolutional": LoweredConvolution,
    "maxpool": LoweredMaxpool,
    "avgpool": LoweredAverage,
    "shortcut": LoweredShortcut,
    "route": LoweredRoute,
    "upsample": LoweredUpsample,
    "connected": LoweredConnected,
    "dropout": LoweredDropout,
    "scale_channels": LoweredScaleChannels,
}


def is_fast(node: Node) -> bool:
    """Whether a layer has a fast form for its options."""
    return node.type in FAST_FORMS and FAST_FORMS[node.type].takes(node)


def lowered(node: Node, wiring: Wiring) -> Lowered:
    """The layer in its fast form if there is one, else in plain form."""
    return FAST_FORMS[node.type](node, wiring) if is_fast(node) else LoweredPlainly(node, wiring)
