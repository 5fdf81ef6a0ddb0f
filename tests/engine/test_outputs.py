"""Where values come from when they change places."""

from __future__ import annotations

import numpy as np

from darknetpy.engine.memory import Value
from darknetpy.engine.outputs import places


def test_places_of_values_in_a_blocked_array() -> None:
    source = Value((20, 2, 3), 1, blocked=True)
    numbers = np.arange(source.channels * source.pixels)[::-1].reshape(40, 3, 1)
    found = places(numbers, source).reshape(3, 3, 16)
    for channel, row in np.ndindex(40, 3):
        came_from, pixel = divmod(int(numbers[channel, row, 0]), source.pixels)
        right = came_from // 16 * source.plane_bytes + pixel * 64 + came_from % 16 * 4
        assert found[channel // 16, row, channel % 16] == right
    assert not found[2, :, 8:].any()
