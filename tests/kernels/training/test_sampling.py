"""Sums of arrays of different shapes, against loops over rows and columns."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.kernels.training.sampling import add_sampled, sampled_scratch
from tests.kernels.running import LANES, run
from tests.kernels.training.lines import Finished, Loaded, activated, finishes, numbers, rectified

IMAGES = 2
Shape = tuple[int, int, int]
MEETINGS: list[tuple[Shape, Shape]] = [
    ((32, 4, 4), (32, 8, 8)),
    ((20, 6, 10), (40, 3, 5)),
    ((48, 5, 5), (20, 5, 5)),
    ((16, 5, 7), (33, 11, 15)),
    ((33, 11, 15), (16, 5, 7)),
    ((16, 9, 3), (16, 3, 1)),
]


def partner(place: int, side: int, other_side: int) -> int | None:
    """The row (or column) of another array that one of this array meets."""
    if side <= other_side:
        return place * (other_side // side)
    every = side // other_side
    return place // every if place % every == 0 and place // every < other_side else None


def meeting_values(second: Loaded, grid: Shape, other: Shape) -> np.ndarray:
    """What is added to the grid, (n, blocks, pixels, 16)."""
    (channels, height, width), (other_channels, other_height, other_width) = grid, other
    values = second.meaning().reshape(IMAGES, -1, other_height, other_width, LANES)
    added = np.zeros((IMAGES, -(-channels // LANES), height, width, LANES))
    for y in range(height):
        for x in range(width):
            row, column = partner(y, height, other_height), partner(x, width, other_width)
            for channel in range(min(channels, other_channels)):
                if row is not None and column is not None:
                    block, lane = divmod(channel, LANES)
                    added[:, block, y, x, lane] = values[:, block, row, column, lane]
    return added.reshape(IMAGES, -1, height * width, LANES)


def add_up(source: Loaded | None, second: Loaded, finished: Finished, grid: Shape, other: Shape, slope: float) -> None:
    (channels, height, width), (other_channels, other_height, other_width) = grid, other
    given = 0.0 if source is None else source.record()
    read, writing = second.record(), finished.record()
    run(
        add_sampled, finished.parts * finished.out.shape[1], scratch_bytes=sampled_scratch(width, other_width),
        source=given, second=read, finishing=writing, images=IMAGES, blocks=finished.out.shape[1], height=height,
        width=width, second_width=other_width, channels=min(channels, other_channels),
        rows=min(height, other_height), columns=min(width, other_width),
        spread_y=max(height // other_height, 1), spread_x=max(width // other_width, 1),
        stride_y=max(other_height // height, 1), stride_x=max(other_width // width, 1),
        parts=finished.parts, slope=slope,
    )  # fmt: skip


def blocked_shape(shape: Shape) -> tuple[int, int]:
    return -(-shape[0] // LANES), shape[1] * shape[2]


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize(("grid", "other"), MEETINGS)
def test_values_that_meet_are_added_activated_and_finished(grid: Shape, other: Shape, parts: int) -> None:
    source, second = activated(IMAGES, *blocked_shape(grid)), activated(IMAGES, *blocked_shape(other), seed=3)
    for slope in (0.1, 1.0):
        for finished in finishes(IMAGES, *blocked_shape(grid), parts):
            add_up(source, second, finished, grid, other, slope)
            finished.check(rectified(source.meaning() + meeting_values(second, grid, other), slope))


@pytest.mark.parametrize(("grid", "other"), MEETINGS)
def test_a_gradient_goes_to_the_pixels_that_were_seen(grid: Shape, other: Shape) -> None:
    """Without a source all other values are 0."""
    second = Loaded(numbers(IMAGES, *blocked_shape(other), LANES))
    for finished in finishes(IMAGES, *blocked_shape(grid), 2):
        add_up(None, second, finished, grid, other, 1.0)
        finished.check(meeting_values(second, grid, other))
