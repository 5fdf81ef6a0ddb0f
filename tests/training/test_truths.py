"""Truths, against those that the C program fills in."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from darknetpy.config.tree import Tree
from darknetpy.training.labels import Labels
from darknetpy.training.truths import Truths, along_tree, smoothed

pytestmark = pytest.mark.quick
RECORDED = json.loads((Path(__file__).parent.parent / "golden" / "views.json").read_text())


def test_truths_of_paths_are_those_of_darknet() -> None:
    labels = Labels(RECORDED["classifier"]["labels"])
    for case in RECORDED["classifier"]["cases"]:
        truths = np.zeros((1, len(labels)), np.float32)
        truths[0, labels.anywhere(case["path"])] = 1
        np.testing.assert_allclose(truths[0], case["truth"])
        np.testing.assert_allclose(smoothed(truths, 0.1)[0], case["truth_label_smooth_0_1"], rtol=1e-6)


def test_truths_along_a_tree_are_those_of_darknet() -> None:
    names, parents = zip(*RECORDED["hierarchy"]["tree"], strict=True)
    tree = Tree(names, parents)
    for case in RECORDED["hierarchy"]["fill"]:
        truths = np.zeros((1, len(tree)), np.float32)
        truths[0, case["class_id"]] = 1
        np.testing.assert_array_equal(along_tree(truths, tree)[0], case["truth"])


def test_pictures_of_the_same_classes_share_their_truth() -> None:
    truths = Truths.of([(1,)] * 1_000_000 + [(0, 2)], 5000)  # a row for each would take 20 GB
    assert len(truths) == 1_000_001
    assert truths[0] is not truths[7]
    assert np.shares_memory(truths[0], truths[7])
    assert np.flatnonzero(truths[1_000_000]).tolist() == [0, 2]
    halves = truths.changed(lambda rows: rows / 2)
    assert halves[3].sum() == 0.5
    assert truths[3].sum() == 1
