"""[avgpool] against naive loops."""

from __future__ import annotations

import pytest

from tests import reference
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run

TRIALS: Trials = [("", [(3, 5, 4)])]


@pytest.mark.parametrize("shape", [(3, 5, 7), (1, 1, 1), (4, 1, 6)])
def test_equals_naive_loops(shape: tuple[int, int, int]) -> None:
    x = random_input(shape)
    assert_close(run(make_layer("[avgpool]"), [x]), reference.average_pool(x))


def test_sees_the_whole_picture() -> None:
    assert make_layer("[avg]").window() is None
