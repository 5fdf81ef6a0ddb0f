"""[lstm] against naive loops."""

from __future__ import annotations

import pytest

from tests import reference_recurrent as reference
from tests.layers.recurrent_workbench import assert_advances, make, sequences
from tests.layers.workbench import Trials, make_layer

TRIALS: Trials = [("output=4", [(7,)]), ("output=3 batch_normalize=1", [(2, 3, 1)])]


@pytest.mark.parametrize("dialect", ["alexeyab", "pjreddie"])
@pytest.mark.parametrize("options", ["", "batch_normalize=1"])
@pytest.mark.parametrize("shape", [(6,), (2, 3, 1)])
def test_equals_naive_loops(options: str, shape: tuple[int, ...], dialect: str) -> None:
    layer, x = make(f"[lstm] output=4 {options}", shape, dialect), sequences(shape)
    part = reference.sums_of(layer.weights, dialect, layer.options.batch_normalize)
    assert_advances(layer, x, reference.lstm(x, part, (4, 1, 1)))


@pytest.mark.parametrize(("dialect", "gates"), [("alexeyab", "figo"), ("pjreddie", "ifog")])
def test_arrays_stand_in_the_order_of_the_dialects_file(dialect: str, gates: str) -> None:
    arrays = make_layer("[lstm] output=4", dialect=dialect).arrays([(3,)])
    expected = [(f"{part}_{gate}", width) for part, width in (("state", 4), ("input", 3)) for gate in gates]
    assert [(array.name, array.shape) for array in arrays] == [
        entry for part, width in expected for entry in ((f"{part}_biases", (4,)), (f"{part}_weights", (4, width)))
    ]


def test_flops_count_a_multiply_add_for_each_weight() -> None:
    assert make_layer("[lstm] output=4").flops([(3,)]) == 2 * 4 * (3 * 4 + 4 * 4)
    assert make_layer("[lstm]").window() is None
