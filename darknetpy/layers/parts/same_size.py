"""Convolutions inside recurrent layers: they keep the size of the picture, so that states and inputs can be added."""

from __future__ import annotations

import math
from collections.abc import Mapping

from darknetpy.config.options import Kind, Option, Options
from darknetpy.layers.base import Layer, Shape, shape_text
from darknetpy.layers.parts.convolution import Convolution

SAME_SIZE_OPTIONS = (
    Option("size", 3, "side of the filters, in pixels", minimum=1),
    Option("stride", 1, "step between windows; a larger one than 1 fits pictures of one pixel only", minimum=1),
    Option("dilation", 1, "distance between neighbouring cells of a filter", minimum=1),
    Option("padding", 0, "zeros around the pictures, in pixels on each side", minimum=0),
    Option("groups", 1, "parts that channels and filters are divided into", minimum=1),
    Option("xnor", False, "signs instead of values, for inputs and weights", Kind.FLAG),
)
"""The options of such a layer's convolutions, besides ``pad``, ``activation`` and ``batch_normalize``."""


def convolution_of(options: Options, filters: int, activation: str) -> Convolution:
    """The convolution with so many filters that the options of a section say."""
    dilation = options.dilation if options.size > 1 else 1
    return Convolution(
        filters,
        options.size,
        activation,
        padding=(options.size // 2 if options.pad else options.padding) * dilation,
        strides=(options.stride, options.stride),
        dilation=dilation,
        groups=options.groups,
        normalized=options.batch_normalize,
        xnor=options.xnor,
    )


def check_same_size(layer: Layer, shape: Shape, channels: Mapping[str, int]) -> None:
    """Raise ConfigError where the layer's convolutions change the size of pictures (c, h, w), or groups do not divide.

    ``channels`` are the numbers of channels inside the layer, by option.
    """
    options, (c, h, w) = layer.options, shape
    for found, number in [(f"{c} input channels", c), *((f"{name}={n}", n) for name, n in channels.items())]:
        if number % options.groups:
            remedy = f"Write groups={math.gcd(c, options.groups, *channels.values())}"
            expected = f"a number that divides into {options.groups} groups"
            raise layer.refusal(f"groups={options.groups} with {found}", expected, remedy, "groups")
    if options.xnor and options.groups > 1:
        raise layer.refusal(f"groups={options.groups} with xnor=1", "groups=1", "Delete one of them", "groups")
    found_sides = convolution_of(options, 1, "linear").output_shape(shape)[1:]
    if found_sides != (h, w):
        found = f"convolutions that make {shape_text(found_sides)} of {h}x{w}"
        padding = "Write pad=1" if options.size % 2 else "Write pad=1 and an odd size"
        option, remedy = ("stride", "Write stride=1") if options.stride > 1 else ("size", padding)
        raise layer.refusal(found, "the same height and width, so that states can be added", remedy, option)
