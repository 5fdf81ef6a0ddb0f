"""[region] against naive loops, in both dialects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darknetpy.errors import ConfigError
from darknetpy.layers.region import Region
from tests import reference
from tests.detection import reference as naive
from tests.layers.workbench import Trials, assert_close, make_layer, random_input, run

TRIALS: Trials = [
    ("anchors=1,2,3,4 num=2 classes=3 softmax=1", [(16, 3, 4)]),
    ("anchors=1,2,3,4 num=2 classes=3 coords=6 softmax=1 background=1", [(20, 3, 4)]),
    ("anchors=1,2 classes=3", [(8, 3, 4)]),
]

ANCHORS = [(1.25, 1.5), (0.5, 2.0)]
TEXT = "[region] anchors=1.25,1.5,.5,2 num=2 classes=3"
DIALECTS = ("alexeyab", "pjreddie")
TREE = "animal -1\nplant -1\ndog 0\ncat 0\nspaniel 2\npoodle 2\n"
SIZE = (96, 64)


def region(options: str = "", dialect: str = "alexeyab", text: str = TEXT) -> Region:
    layer = make_layer(f"{text} {options}", dialect=dialect)
    assert isinstance(layer, Region)
    return layer


def expected_output(x: np.ndarray, dialect: str, coords: int, softmax: bool, background: bool) -> np.ndarray:
    """One cell and anchor at a time."""
    result = x.copy()
    size = x.shape[1] // 2
    for image, anchor, row, column in reference.places((len(x), 2, *x.shape[2:])):
        cell = result[image, anchor * size : (anchor + 1) * size, row, column]
        activated = set(range(4, coords))
        activated |= set() if background else {coords}
        activated |= {0, 1} if dialect == "pjreddie" else set()
        activated |= set(range(coords + 1, size)) if dialect == "pjreddie" and not softmax else set()
        if softmax:
            first = coords if background else coords + 1
            cell[first:] = reference.softmax([float(value) for value in cell[first:]])
        for place in activated:
            cell[place] = reference.logistic(float(cell[place]))
    return result


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("softmax", [False, True])
@pytest.mark.parametrize("coords", [4, 6])
def test_output_equals_naive_loops(coords: int, softmax: bool, background: bool, dialect: str) -> None:
    x = random_input((2 * (coords + 4), 3, 4))
    layer = region(f"coords={coords} softmax={int(softmax)} background={int(background)}", dialect)
    assert_close(run(layer, [x]), expected_output(x, dialect, coords, softmax, background))


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("thresh", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("coords", [4, 6])
def test_boxes_equal_naive_loops(coords: int, thresh: float, dialect: str) -> None:
    output = np.random.default_rng(2).random((2 * (coords + 4), 3, 4))
    found = region(f"coords={coords}", dialect).candidates(output, SIZE, thresh)
    boxes, objectness, probabilities = naive.region_boxes(output, ANCHORS, 3, thresh, pjreddie=dialect == "pjreddie")
    np.testing.assert_allclose(found.boxes, boxes, rtol=1e-6)
    np.testing.assert_allclose(found.objectness, objectness, rtol=1e-12)
    np.testing.assert_allclose(found.probabilities, probabilities, rtol=1e-12)


def test_values_past_the_fourth_coordinate_go_with_the_boxes() -> None:
    output = np.random.default_rng(2).random((2 * 10, 3, 4))
    found = region("coords=6").candidates(output, SIZE, 0.3)
    assert found.more["mask"].shape == (24, 2)
    assert np.array_equal(found.more["mask"][0], output[4:6, 0, 0])
    assert region().candidates(output[:16], SIZE, 0.3).more == {}


def test_with_a_class_for_nothing_every_box_is_one() -> None:
    output = np.random.default_rng(2).random((16, 3, 4))
    found = region("softmax=1 background=1").candidates(output, SIZE, 0.3)
    assert (found.objectness == 1).all()
    assert found.probabilities.max() > 0.3


def test_classfix_drops_boxes_with_little_objectness() -> None:
    output = np.full((16, 1, 1), 0.9)
    output[4] = 0.49
    assert region().candidates(output, SIZE, 0.1).probabilities.all(axis=1).tolist() == [True, True]
    assert region("classfix=-1").candidates(output, SIZE, 0.1).probabilities.all(axis=1).tolist() == [False, True]


# ---- with a tree of classes ----


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "six.tree").write_text(TREE)
    monkeypatch.chdir(tmp_path)
    return "[region] anchors=1,1 classes=6 tree=six.tree"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_siblings_of_a_tree_share_a_softmax(tree: str, dialect: str) -> None:
    x = random_input((11, 2, 3))
    found = run(region(dialect=dialect, text=tree), [x])
    for image, row, column in reference.places((2, 2, 3)):
        for first in (5, 7, 9):
            values = [float(value) for value in x[image, first : first + 2, row, column]]
            np.testing.assert_allclose(found[image, first : first + 2, row, column], reference.softmax(values))


def one_cell(objectness: float, classes: list[float]) -> np.ndarray:
    return np.array([0.0, 0.0, 0.0, 0.0, objectness, *classes], np.float32).reshape(-1, 1, 1)


SPANIEL = [0.9, 0.1, 0.8, 0.2, 0.75, 0.25]  # 0.9 an animal, 0.72 a dog, 0.54 a spaniel


@pytest.mark.parametrize(
    ("hier_thresh", "class_id", "probability"), [(0.5, 4, 0.54), (0.6, 2, 0.72), (0.8, 0, 0.9), (0.95, None, 0.0)]
)
def test_the_last_class_above_the_threshold_of_the_tree_counts(
    tree: str, hier_thresh: float, class_id: int | None, probability: float
) -> None:
    found = region(text=tree).candidates(one_cell(0.7, SPANIEL), SIZE, 0.3, hier_thresh=hier_thresh)
    expected = np.zeros(6)
    if class_id is not None:
        expected[class_id] = probability
    np.testing.assert_allclose(found.probabilities, [expected], rtol=1e-6)


@pytest.mark.parametrize(("hier_thresh", "class_id"), [(0.3, 4), (0.5, 2), (0.7, 0), (0.95, 0)])
def test_pjreddie_walks_down_the_tree_and_answers_with_the_objectness(
    tree: str, hier_thresh: float, class_id: int
) -> None:
    """Products count again on the way: 0.9, 0.9 * 0.72 = 0.648, 0.648 * 0.54 = 0.35."""
    layer = region(dialect="pjreddie", text=tree)
    found = layer.candidates(one_cell(0.7, SPANIEL), SIZE, 0.3, hier_thresh=hier_thresh)
    expected = np.zeros(6, np.float32)
    expected[class_id] = 0.7
    np.testing.assert_allclose(found.probabilities, [expected], rtol=1e-6)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_without_objectness_no_class_of_a_tree_counts(tree: str, dialect: str) -> None:
    layer = region(dialect=dialect, text=tree)
    assert not layer.candidates(one_cell(0.3, SPANIEL), SIZE, 0.3).probabilities.any()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_map_answers_with_other_classes(tree: str, dialect: str) -> None:
    layer = region(dialect=dialect, text=tree)
    found = layer.candidates(one_cell(0.5, SPANIEL), SIZE, 0.2, class_map=(3, 2, 4))
    np.testing.assert_allclose(found.probabilities, [[0, 0.36, 0.27]], rtol=1e-6)


def test_a_tree_has_a_node_for_each_class(tree: str) -> None:
    with pytest.raises(ConfigError, match=r"has 6 nodes for classes=5.*Write classes=6"):
        region(text=tree.replace("classes=6", "classes=5"))


def test_a_tree_must_exist() -> None:
    with pytest.raises(ConfigError, match="no such file"):
        region("tree=nowhere.tree")


def test_anchors_that_are_missing_are_half_a_cell() -> None:
    layer = region(text="[region] classes=3 num=2 anchors=3,4")
    assert layer.anchors.tolist() == [[3, 4], [0.5, 0.5]]
    (warning,) = layer.remarks([(16, 3, 4)])
    assert warning.found == "2 numbers in anchors="
