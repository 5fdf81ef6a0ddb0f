"""Where values live: one arena for a run, planned by lifetime: a place is used again after its value's last use."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from darknetpy.kernels.layout import block_stride, blocks_of
from darknetpy.kernels.memory import large_bytes
from darknetpy.kernels.simd import LANES, LINE

FLOAT_BYTES = 4

Shape = tuple[int, ...]


def aligned_bytes(count: int) -> np.ndarray:
    """Uninitialised bytes (count,) on a cache line; where they are many, on a huge page and in memory of their own."""
    large = large_bytes(count)
    if large is not None:
        return large
    whole = np.empty(count + LINE, np.uint8)
    start = -whole.ctypes.data % LINE
    return whole[start : start + count]


def aligned_zeros(count: int) -> np.ndarray:
    """Float32 zeros (count,) on a cache line."""
    floats = aligned_bytes(count * FLOAT_BYTES).view(np.float32)
    floats[:] = 0
    return floats


class Value:
    """One array of a program: a layer's output, or something in between.

    ``shape`` is that of one picture, (c, h, w) or (length,). A blocked value is laid out as
    `darknetpy.kernels.layout` says, a planar one as (n, *shape). ``first`` and ``last`` are the numbers of the first
    and the last step that use it, ``offset`` is its place in the arena.
    """

    def __init__(self, shape: Shape, images: int, blocked: bool) -> None:
        self.shape, self.images, self.blocked = shape, images, blocked
        self.first = self.last = -1
        self.offset = 0
        self._parts: list[Part] = []

    @property
    def channels(self) -> int:
        """Channels of a picture."""
        return self.shape[0]

    @property
    def pixels(self) -> int:
        """Pixels of a picture; 1 where there is no picture."""
        return int(np.prod(self.shape[1:]))

    @property
    def blocks(self) -> int:
        """Blocks of 16 channels."""
        return blocks_of(self.channels)

    @property
    def planes(self) -> int:
        """Blocks, or channels where planar."""
        return self.blocks if self.blocked else self.channels

    @property
    def pixel_bytes(self) -> int:
        """Bytes from one pixel of a plane to the next."""
        return LINE if self.blocked else FLOAT_BYTES

    @property
    def plane_bytes(self) -> int:
        """Bytes from one plane to the next."""
        return block_stride(self.pixels) if self.blocked else self.pixels * FLOAT_BYTES

    @property
    def image_bytes(self) -> int:
        """Bytes from one image to the next."""
        return self.planes * self.plane_bytes

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self.images * self.image_bytes

    def used_at(self, step: int) -> None:
        """Note that a step reads or writes the value."""
        self.first = step if self.first < 0 else self.first
        self.last = step

    def part(self, channel: int, shape: Shape) -> Part:
        """The blocked value of this shape that begins at a channel of this one, a multiple of 16."""
        part = Part(self, channel, shape)
        self._parts.append(part)
        return part

    def put(self, offset: int) -> None:
        """Give the value and its parts their places in the arena."""
        self.offset = offset
        for part in self._parts:
            part.put(offset + part.first_block * self.plane_bytes)

    def view(self, arena: np.ndarray) -> np.ndarray:
        """The value in an arena: (n, *shape), or (n, blocks, pixels, 16) where it is blocked."""
        floats = arena[self.offset : self.offset + self.size].view(np.float32)
        if not self.blocked:
            return floats.reshape(self.images, *self.shape)
        lines = floats.reshape(self.images, self.blocks, self.plane_bytes // FLOAT_BYTES)
        return lines[:, :, : self.pixels * LANES].reshape(self.images, self.blocks, self.pixels, LANES)


class Part(Value):
    """Neighbouring channels of a blocked value, which is kept as long as any of its parts."""

    def __init__(self, whole: Value, channel: int, shape: Shape) -> None:
        self.whole, self.first_block = whole, channel // LANES
        super().__init__(shape, whole.images, blocked=True)

    @property
    def image_bytes(self) -> int:
        """Bytes from one image to the next."""
        return self.whole.image_bytes

    def used_at(self, step: int) -> None:
        """Note that a step reads or writes the part."""
        super().used_at(step)
        self.whole.used_at(step)

    def view(self, arena: np.ndarray) -> np.ndarray:
        """The part in an arena: (n, blocks, pixels, 16)."""
        return self.whole.view(arena)[:, self.first_block : self.first_block + self.blocks]


def place(values: Iterable[Value]) -> int:
    """Give each value an offset such that no two in use at the same step overlap; returns the bytes needed.

    Largest first, each at the lowest place that is free: within a few percent of the least possible on real networks.
    """
    placed: list[Value] = []
    for value in sorted(values, key=lambda value: -value.size):
        neighbours = sorted(
            (other for other in placed if other.first <= value.last and value.first <= other.last),
            key=lambda other: other.offset,
        )
        offset = 0
        for other in neighbours:
            if offset + value.size <= other.offset:
                break
            offset = max(offset, _round_up(other.offset + other.size))
        value.put(offset)
        placed.append(value)
    return max((value.offset + value.size for value in placed), default=0)


def _round_up(offset: int) -> int:
    return -(-offset // LINE) * LINE
