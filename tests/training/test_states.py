"""What tells saved states apart."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.training.dataset import Samples
from darknetpy.training.states import digest, named, under

pytestmark = pytest.mark.quick


def test_lists_of_pictures_are_told_apart_wherever_they_are() -> None:
    one = Samples(("a/1.png", "a/2.png"), ((0,), (1,)))
    assert digest(one) == digest(Samples(("/b/1.png", "/b/2.png"), one.classes))
    for other in (one.part([1, 0]), one.part([0]), Samples(one.paths, ((0,), (0,)))):
        assert digest(other) != digest(one)
    changed = Samples(("a/1.png", "a/3.png"), one.classes)
    assert digest(changed) != digest(one)


def test_arrays_are_named_by_what_they_belong_to() -> None:
    arrays = {"0.weights": np.ones(2), "1.biases": np.zeros(1)}
    both = named("network.", arrays) | named("training.", {"x": np.ones(1)})
    assert under("network.", both) == arrays
    assert set(under("training.", both)) == {"x"}
