"""Which kernel a convolution gets, and why: an estimate of the time each would take, from its shape alone.

The estimate takes the longer of two times: for the arithmetic with the transforms, and for fetching the weights where
they do not fit the cache. Few numbers describe the CPU, and none is measured while running, so that a network is
computed in the same way each time. For the same reason the number of threads has no say: another kernel rounds
differently, and results do not depend on threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from darknetpy.kernels.cook_toom import POINTS
from darknetpy.kernels.simd import LANES, accumulators
from darknetpy.kernels.tiles import MANY_REGISTERS, UNROLL

DIRECT = "direct"
WINOGRAD_TILES = {f"winograd{tile}": tile for tile in POINTS}
"""Names of the Winograd kernels -> outputs of a tile in a row, in the order of what their weights take."""
WORTH_MORE_WEIGHTS = 0.1  # by how much a kernel has to be faster than one whose weights take less memory


class Shape(NamedTuple):
    """A convolution as far as the choice goes.

    ``height`` and ``width`` are the output's; ``planar`` says that it reads a picture of few channels as it comes.
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


class Rates(NamedTuple):
    """What a core of a CPU does, about.

    flops: multiplications and additions a second in tiles; weights: bytes a second of weights fetched from beyond the
    second-level cache, beside arithmetic; cache: bytes of weights that this does not bind; forward, inverse: seconds
    to transform 36 lines of 16 channels.
    """

    flops: float
    weights: float
    cache: int
    forward: float
    inverse: float


WIDE_VECTORS = Rates(flops=200e9, weights=16e9, cache=1 << 20, forward=90e-9, inverse=70e-9)
NARROW_VECTORS = Rates(flops=90e9, weights=12e9, cache=1 << 18, forward=150e-9, inverse=130e-9)


class Choice(NamedTuple):
    """A kernel's name, `DIRECT` or one of `WINOGRAD_TILES`, and the reason in words."""

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
    obstacle = why_not_winograd(shape)
    if obstacle:
        return Choice(DIRECT, obstacle)
    rates = rates or host_rates()
    times = {kernel: seconds(kernel, shape, images, rates) for kernel in (DIRECT, *WINOGRAD_TILES)}
    limit = (1 + WORTH_MORE_WEIGHTS) * min(times.values())
    best = next(kernel for kernel, time in times.items() if time <= limit)
    others = ", ".join(f"{kernel} {1e3 * time:.3g} ms" for kernel, time in times.items() if kernel != best)
    return Choice(best, f"estimated {1e3 * times[best]:.3g} ms on one core; {others}")


def choose_small(shape: Shape) -> Choice:
    """The kernel whose packed weights take no more memory than those of the file."""
    return Choice(DIRECT, "memory is to be low")


def why_not_winograd(shape: Shape) -> str:
    """What keeps a convolution from Winograd's form, in words; empty if nothing does."""
    if shape.size != 3:
        return f"filters of {shape.size} x {shape.size}, Winograd's form is for 3 x 3"
    if shape.stride_x > 1 or shape.stride_y > 1:
        return f"a stride of {max(shape.stride_x, shape.stride_y)}, Winograd's form is for 1"
    if shape.dilation > 1:
        return f"a dilation of {shape.dilation}, Winograd's form is for 1"
    if shape.groups > 1:
        return f"{shape.groups} groups, Winograd's form is for 1"
    if shape.planar:
        return "a picture of few channels, read as it comes"
    return ""


def seconds(kernel: str, shape: Shape, images: int, rates: Rates) -> float:
    """The estimated time of a 3x3 convolution of stride 1 on one core."""
    blocks, out_blocks = -(-shape.channels // LANES), -(-shape.filters // LANES)
    depth = blocks * LANES if blocks > 1 else -(-shape.channels // UNROLL) * UNROLL
    pairs = depth * out_blocks * LANES
    tile = WINOGRAD_TILES.get(kernel)
    if tile is None:
        points, places, transforms = 9, images * shape.height * shape.width, 0.0
    else:
        points, places = (tile + 2) ** 2, images * -(-shape.height // tile) * -(-shape.width // tile)
        transforms = places * points / 36 * (blocks * rates.forward + out_blocks * rates.inverse)
    weights = 4 * points * pairs
    fetching = weights / rates.weights if weights > rates.cache else 0.0
    return max(2 * points * places * pairs / rates.flops + transforms, fetching)


class Choices(dict[int, Choice]):
    """The choice for each layer, noted as it is made.

    Args:
        choose: decides; or the names of kernels by layer, the other layers being decided by `choose_kernel`.
    """

    def __init__(self, choose: Choose | Mapping[int, str] | None = None) -> None:
        super().__init__()
        self._named: Mapping[int, str] = choose if isinstance(choose, Mapping) else {}
        self._choose: Choose = choose if callable(choose) else choose_kernel

    def make(self, layer: int, shape: Shape) -> Choice:
        """The choice for a layer. Raises ValueError for a kernel that is unknown or does not fit."""
        kernel = self._named.get(layer)
        choice = self._choose(shape) if kernel is None else Choice(kernel, "named by the caller")
        if choice.kernel not in {DIRECT, *WINOGRAD_TILES}:
            known = ", ".join((DIRECT, *WINOGRAD_TILES))
            raise ValueError(f"layer {layer}: no kernel is called {choice.kernel!r}; there are {known}")
        obstacle = why_not_winograd(shape)
        if choice.kernel != DIRECT and obstacle:
            raise ValueError(f"layer {layer}: {choice.kernel} does not fit: {obstacle}")
        self[layer] = choice
        return choice

    def check_named(self) -> None:
        """Raise ValueError if a kernel was named for a layer that was never to be decided."""
        for layer in sorted(set(self._named) - set(self)):
            raise ValueError(f"layer {layer}: a kernel is named, but this is no convolution that has a choice")
