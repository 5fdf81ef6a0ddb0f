"""[iseg] against a naive loop."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.errors import ConfigError
from tests import reference
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run

TRIALS: Trials = [("classes=3 ids=2", [(5, 4, 3)])]


@pytest.mark.parametrize(("classes", "ids"), [(3, 4), (1, 0), (2, 1)])
def test_classes_become_probabilities_and_embeddings_stay(classes: int, ids: int) -> None:
    x = random_input((classes + ids, 4, 5))
    found = run(make_layer(f"[iseg] classes={classes} ids={ids}"), [x])
    assert_close(found[:, :classes], reference.activate("logistic", x[:, :classes]))
    assert np.array_equal(found[:, classes:], x[:, classes:])


@pytest.mark.parametrize("channels", [51, 53, 20])
def test_channels_must_be_classes_and_ids(channels: int) -> None:
    with pytest.raises(ConfigError, match=f"{channels} channels for classes=20 and ids=32, expected 52. Write"):
        make_layer("[iseg]").output_shape([(channels, 4, 5)])
