"""[batchnorm] against naive loops."""

from __future__ import annotations

import pytest

from tests import reference
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run

TRIALS: Trials = [("", [(3, 5, 4)])]


@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
def test_equals_naive_loops(dialect: str) -> None:
    x = random_input((4, 3, 5))
    layer = make_layer("[batchnorm]", dialect=dialect)
    found = run(layer, [x])
    assert_close(found, reference.batch_normalize(x, layer.weights, dialect))


@pytest.mark.parametrize(("dialect", "has_biases"), [("alexeyab", True), ("pjreddie", False)])
def test_biases_are_in_one_dialects_files_only(dialect: str, has_biases: bool) -> None:
    arrays = make_layer("[batchnorm]", dialect=dialect).arrays([(4, 3, 5)])
    assert [array.name for array in arrays] == ["biases", "scales", "rolling_mean", "rolling_variance"]
    assert [array.in_file for array in arrays] == [has_biases, True, True, True]
    assert all(array.shape == (4,) for array in arrays)
