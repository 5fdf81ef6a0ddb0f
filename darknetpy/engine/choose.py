"""Which kernel a convolution gets, and why: an estimate of the time each would take, from its shape alone.

The estimate takes the longer of two times: for the arithmetic with the transforms, and for fetching the weights where
they do not fit the cache. Few numbers describe the CPU, and none is measured while running, so that a network is
computed in the same way each time. For the same reason the number of threads has no say: another kernel rounds
differently, and results do not depend on threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from darknetpy.engine.grouped import groups_in_slice
from darknetpy.kernels.cook_toom import FORMS
from darknetpy.kernels.depthwise import has_form
from darknetpy.kernels.simd import LANES, accumulators
from darknetpy.kernels.tiles import MANY_REGISTERS, UNROLL

DIRECT = "direct"
DEPTHWISE = "depthwise"
GROUPED = "grouped"
PLAIN = "plain"
WINOGRAD_FORMS = {f"winograd{form.tile}" + "/2" * (form.stride == 2): number for number, form in FORMS.items()}
"""Names of the Winograd kernels -> numbers of their forms, in the order of what their weights take at each stride.

Named after the outputs of a tile in a row, and after the stride where it is 2.
"""
KERNELS = (DIRECT, *WINOGRAD_FORMS, DEPTHWISE, GROUPED, PLAIN)
"""Names of all kernels: direct sums, Winograd's forms, row by row (`darknetpy.kernels.depthwise`), slices of whole
blocks (`darknetpy.engine.grouped`), and the layer's own `forward`."""
WORTH_MORE_WEIGHTS = 0.1  # by how much a kernel has to be faster than one whose weights take less memory


class Shape(NamedTuple):
    """A convolution as far as the choice goes.

    ``height`` and ``width`` are the output's; ``planar`` says that it reads a picture of few channels as it comes.
    ``special`` is an option for which there is the plain form only, or empty.
    """

    channels: int
    filters: int
    height: int
    width: int
    size: int = 3
    stride_x: int = 1
    stride_y: int = 1
    dilation: int = 1
    groups: int = 1
    planar: bool = False
    special: str = ""


class Rates(NamedTuple):
    """What a core of a CPU does, about.

    flops: multiplications and additions a second in tiles; weights: bytes a second of weights fetched from beyond the
    second-level cache, beside arithmetic; cache: bytes of weights that this does not bind; forward, inverse: seconds
    to transform 36 lines of 16 channels. Copying lines to a panel takes as long as transforming them.
    """

    flops: float
    weights: float
    cache: int
    forward: float
    inverse: float


WIDE_VECTORS = Rates(flops=220e9, weights=20e9, cache=1 << 20, forward=60e-9, inverse=55e-9)
NARROW_VECTORS = Rates(flops=90e9, weights=12e9, cache=1 << 18, forward=150e-9, inverse=130e-9)


class Choice(NamedTuple):
    """A kernel's name, one of `KERNELS`, and the reason in words."""

    kernel: str
    reason: str


Choose = Callable[[Shape], Choice]


def host_rates() -> Rates:
    """The rates of CPUs like this one: those with registers for 16 floats, or the others."""
    return WIDE_VECTORS if accumulators() >= MANY_REGISTERS else NARROW_VECTORS


def choose_kernel(shape: Shape, images: int = 1, rates: Rates | None = None) -> Choice:
    """The kernel that should take the least time, or nearly so with fewer weights.

    Args:
        shape: of the convolution.
        images: pictures of a batch; the more, the less reading weights matters.
        rates: of the CPU; by default of those like this one.

    >>> choose_kernel(Shape(channels=64, filters=128, height=104, width=104)).kernel
    'winograd4'
    """
    if shape.special:
        return Choice(PLAIN, shape.special)
    if shape.groups > 1:
        return choose_grouped(shape)
    obstacle = why_not_winograd(shape)
    if obstacle:
        return Choice(DIRECT, obstacle)
    rates = rates or host_rates()
    fitting = [kernel for kernel in WINOGRAD_FORMS if not why_not(kernel, shape)]
    times = {kernel: seconds(kernel, shape, images, rates) for kernel in (DIRECT, *fitting)}
    best = min(times, key=lambda kernel: times[kernel])
    if weight_bytes(best, shape) > rates.cache:
        limit = (1 + WORTH_MORE_WEIGHTS) * times[best]
        best = next(kernel for kernel, time in times.items() if time <= limit)
    others = ", ".join(f"{kernel} {1e3 * time:.3g} ms" for kernel, time in times.items() if kernel != best)
    return Choice(best, f"estimated {1e3 * times[best]:.3g} ms on one core; {others}")


def choose_small(shape: Shape) -> Choice:
    """The kernel whose packed weights take no more memory than those of the file, where there is one."""
    if shape.special or shape.groups > 1:
        return choose_kernel(shape)
    return Choice(DIRECT, "memory is to be low")


def choose_grouped(shape: Shape) -> Choice:
    """The kernel of a convolution with groups."""
    for kernel in (DEPTHWISE, GROUPED):
        if not why_not(kernel, shape):
            return Choice(kernel, f"groups of {shape.channels // shape.groups}")
    return Choice(PLAIN, why_not(GROUPED, shape))


def why_not(kernel: str, shape: Shape) -> str:
    """What keeps a convolution from a kernel, in words; empty if nothing does."""
    if kernel == PLAIN:
        return ""
    if shape.special:
        return shape.special
    if kernel == DEPTHWISE:
        return _why_not_depthwise(shape)
    if kernel == GROUPED:
        return _why_not_grouped(shape)
    if kernel == DIRECT:
        return f"{shape.groups} groups" if shape.groups > 1 else ""
    stride = FORMS[WINOGRAD_FORMS[kernel]].stride
    return why_not_winograd(shape) or ("" if shape.stride_x == stride else f"a stride of {shape.stride_x}")


def why_not_winograd(shape: Shape) -> str:
    """What keeps a convolution from all of Winograd's forms, in words; empty if nothing does."""
    if shape.size != 3:
        return f"filters of {shape.size} x {shape.size}, Winograd's form is for 3 x 3"
    if shape.stride_x != shape.stride_y or shape.stride_x > 2:
        return f"a stride of {max(shape.stride_x, shape.stride_y)}, Winograd's forms are for 1, and for 2 both ways"
    if shape.dilation > 1:
        return f"a dilation of {shape.dilation}, Winograd's form is for 1"
    if shape.groups > 1:
        return f"{shape.groups} groups, Winograd's form is for 1"
    if shape.planar:
        return "a picture of few channels, read as it comes"
    return ""


def _why_not_depthwise(shape: Shape) -> str:
    if shape.groups == 1 or shape.channels != shape.filters:
        return "row by row, channels have to have groups, and as many filters"
    if shape.dilation > 1:
        return f"a dilation of {shape.dilation}"
    width = shape.channels // shape.groups
    return "" if has_form(width, shape.size, shape.stride_x) else f"groups of {width}"


def _why_not_grouped(shape: Shape) -> str:
    if shape.groups == 1:
        return "it has no groups"
    width = shape.channels // shape.groups
    if groups_in_slice(shape.groups, width, shape.filters // shape.groups) is None:
        return f"groups of {width}: products with zeros would take too long"
    return ""


def weight_bytes(kernel: str, shape: Shape) -> int:
    """Bytes of the packed weights of a 3x3 convolution."""
    form = FORMS.get(WINOGRAD_FORMS.get(kernel, 0))
    return 4 * (form.window**2 if form else 9) * _pairs(shape)


def _pairs(shape: Shape) -> int:
    """Packed channels times packed filters."""
    blocks = -(-shape.channels // LANES)
    depth = blocks * LANES if blocks > 1 else -(-shape.channels // UNROLL) * UNROLL
    return depth * -(-shape.filters // LANES) * LANES


def seconds(kernel: str, shape: Shape, images: int, rates: Rates) -> float:
    """The estimated time of a 3x3 convolution on one core."""
    blocks, out_blocks = -(-shape.channels // LANES), -(-shape.filters // LANES)
    form = FORMS.get(WINOGRAD_FORMS.get(kernel, 0))
    if form is None:
        points, places = 9, images * shape.height * shape.width
        moving = places * shape.size * shape.stride_y / 36 * blocks * rates.forward
    else:
        points, places = form.window**2, images * -(-shape.height // form.tile) * -(-shape.width // form.tile)
        moving = places * points / 36 * (blocks * rates.forward + out_blocks * rates.inverse)
    weights = weight_bytes(kernel, shape)
    fetching = weights / rates.weights if weights > rates.cache else 0.0
    return max(2 * points * places * _pairs(shape) / rates.flops + moving, fetching)


class Choices(dict[int, Choice]):
    """The choice for each layer, noted as it is made.

    Args:
        choose: decides; or the names of kernels by layer, the other layers being decided by `choose_kernel`.
    """

    def __init__(self, choose: Choose | Mapping[int, str] | None = None) -> None:
        super().__init__()
        self.named: Mapping[int, str] = choose if isinstance(choose, Mapping) else {}
        """Kernels that the caller gives, by layer."""
        self.by_time = not callable(choose)
        """Whether the other layers are decided by `choose_kernel`."""
        self._choose: Choose = choose if callable(choose) else choose_kernel

    def make(self, layer: int, shape: Shape) -> Choice:
        """The choice for a layer. Raises ValueError for a kernel that is unknown or does not fit."""
        kernel = self.named.get(layer)
        choice = self._choose(shape) if kernel is None else Choice(kernel, "named by the caller")
        if choice.kernel not in KERNELS:
            known = ", ".join(KERNELS)
            raise ValueError(f"layer {layer}: no kernel is called {choice.kernel!r}; there are {known}")
        obstacle = why_not(choice.kernel, shape)
        if obstacle:
            raise ValueError(f"layer {layer}: {choice.kernel} does not fit: {obstacle}")
        self[layer] = choice
        return choice

    def check_named(self) -> None:
        """Raise ValueError if a kernel was named for a layer that was never to be decided."""
        for layer in sorted(set(self.named) - set(self)):
            raise ValueError(f"layer {layer}: a kernel is named, but this is no convolution that has a choice")
