"""Detectors' heads against what the C programs computed: outputs, boxes, and what suppression leaves of them.

Where a C program is odd or broken our own answer differs; these cases are named one by one below.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknetpy.detection.boxes import ciou, diou, giou, iou
from darknetpy.detection.decode import Limits, decode
from darknetpy.detection.nms import suppress
from darknetpy.dialect import ALEXEYAB
from darknetpy.graph import Graph, Node
from darknetpy.images.preprocess import place
from darknetpy.layers.parts.head import Candidates
from darknetpy.layers.region import Region
from tests import reference
from tests.detection import reference as naive
from tests.golden.reader import FOLDER, Case, case_names, quirk_names

pytestmark = pytest.mark.quick
OUTPUT_TOLERANCE = 5e-6  # of the layer's largest value
SCORE_TOLERANCE = 2e-6
BOX_TOLERANCE = 5e-5  # of a coordinate, or of 1 where it is smaller
KINDS = {"sort": "default"}  # the records' words -> ours
NAMES = case_names("heads")
AVERAGES_PICTURES, RAW_MASK = "region_batch2_pj", "region_coords6_pj"


class Answer:
    """A case, our network for it, and our outputs."""

    def __init__(self, name: str, folder: Path) -> None:
        self.case = Case(name, "heads")
        self.graph: Graph = self.case.graph(folder)
        self.outputs = self.case.outputs(self.graph)
        self.queries: list[dict[str, Any]] = self.case.about["queries"]

    @property
    def objectness_is_one(self) -> bool:
        """AlexeyAB's program gives every box of a [region] an objectness of 1; we keep what the network says."""
        return any(isinstance(head, Region) for head in self.graph.heads.values()) and self.case.dialect == "alexeyab"

    def recorded(self, number: int, what: str) -> np.ndarray:
        count = self.queries[number]["boxes"]
        return self.case.rows(f"q{number}_{what}", count)

    def candidates(self, number: int, image: int = 0, hier_thresh: float = 0.5) -> Candidates:
        """Boxes in the unit of the query."""
        query = self.queries[number]
        _, height, width = self.graph.input_shape
        letterbox = (query["letterbox"] or self.case.dialect == "pjreddie") and self.graph.nodes[-1].type != "detection"
        placement = place(query["image_w"], query["image_h"], width, height, "letterbox" if letterbox else "stretch")
        limits = Limits(query["thresh"], hier_thresh=hier_thresh)
        found = decode(self.graph, self.outputs, image, placement, limits)
        in_pixels = not query["relative"] or self.graph.nodes[-1].type == "detection"
        unit = [query["image_w"], query["image_h"]] * 2 if in_pixels else [1] * 4
        return found._replace(boxes=found.boxes * np.array(unit, np.float32))


def every_query(names: list[str]) -> pytest.MarkDecorator:
    pairs = [(name, number) for name in names for number in range(len(Case(name, "heads").about["queries"]))]
    return pytest.mark.parametrize(("name", "number"), pairs)


def assert_boxes_near(found: np.ndarray, recorded: np.ndarray) -> None:
    assert found.shape == recorded.shape
    assert (np.abs(found - recorded) <= BOX_TOLERANCE * np.maximum(1, np.abs(recorded))).all()


def assert_scores_near(found: np.ndarray, recorded: np.ndarray) -> None:
    assert np.array_equal(found > 0, recorded > 0)
    assert np.abs(found - recorded).max(initial=0) <= SCORE_TOLERANCE


def as_recorded(node: Node, output: np.ndarray) -> np.ndarray:
    """A layer's output as the C program keeps it."""
    if node.type == "region" and node.layer.dialect is ALEXEYAB:  # row, column, anchor, value
        return output.transpose(0, 2, 3, 1)
    return output


@pytest.mark.parametrize("name", NAMES)
def test_outputs(name: str, tmp_path: Path) -> None:
    answer = Answer(name, tmp_path)
    for index, recorded in answer.case.recorded.items():
        output = as_recorded(answer.graph.nodes[index], answer.outputs[index])
        found = output.reshape(recorded.shape)
        if name == RAW_MASK and index == 1:  # the program's GPU code puts these values through the logistic, as we do
            recorded = with_activated_mask(recorded)
        assert np.abs(found - recorded).max() <= OUTPUT_TOLERANCE * np.abs(recorded).max()


def with_activated_mask(recorded: np.ndarray) -> np.ndarray:
    result = recorded.reshape(3, 11, 4, 6).astype(np.float64)
    for anchor, value, row, column in reference.places((3, 2, 4, 6)):
        result[anchor, 4 + value, row, column] = reference.logistic(float(result[anchor, 4 + value, row, column]))
    return result.reshape(recorded.shape)


@every_query([name for name in NAMES if name != AVERAGES_PICTURES])
def test_boxes_and_scores(name: str, number: int, tmp_path: Path) -> None:
    answer = Answer(name, tmp_path)
    found = answer.candidates(number)
    assert_boxes_near(found.boxes, answer.recorded(number, "box"))
    assert_scores_near(found.probabilities, answer.recorded(number, "prob"))
    if not answer.objectness_is_one:
        assert_scores_near(found.objectness, answer.recorded(number, "objectness")[:, 0])
    if "uncertainty" in found.more:
        assert_scores_near(found.more["uncertainty"], answer.recorded(number, "uncertainty"))
    if name == RAW_MASK:
        raw = answer.recorded(number, "mask")
        expected = np.array([[reference.logistic(float(value)) for value in row] for row in raw])
        assert_scores_near(found.more["mask"], expected)


@every_query([name for name in NAMES if name != AVERAGES_PICTURES])
def test_suppression(name: str, number: int, tmp_path: Path) -> None:
    answer = Answer(name, tmp_path)
    found = answer.candidates(number)
    for which, rule in enumerate(answer.queries[number]["nms"]):
        kind, beta = KINDS.get(rule["kind"], rule["kind"]), rule["beta"] or 0.6
        objectness, probabilities = suppress(
            found.boxes, found.objectness, found.probabilities, rule["thresh"], kind, beta
        )
        if kind == "obj" and answer.objectness_is_one:
            expected = naive.suppress(found.boxes, found.objectness, found.probabilities, rule["thresh"], kind, beta)
            assert np.array_equal(objectness, expected[0])
            assert np.array_equal(probabilities, expected[1])
            continue
        assert np.count_nonzero(probabilities) == rule["kept"]
        assert_scores_near(probabilities, answer.recorded(number, f"nms{which}_prob"))
        if kind == "obj":
            assert_scores_near(objectness, answer.recorded(number, f"nms{which}_objectness")[:, 0])


def test_odd_cases_are_named_here() -> None:
    trees = {"region_tree"}  # followed where its threshold is the program's fixed one; see the tests of the layer
    objectness = {"region_softmax", "region_softmax_pj"}
    assert {AVERAGES_PICTURES, RAW_MASK, *trees, *objectness} == set(quirk_names("heads"))


@pytest.mark.parametrize("image", [0, 1])
def test_each_picture_of_a_batch_has_its_own_boxes(image: int, tmp_path: Path) -> None:
    """Pjreddie's program takes the second picture of two for the mirror image of the first."""
    answer = Answer(AVERAGES_PICTURES, tmp_path)
    found = answer.candidates(0, image)
    head = answer.graph.nodes[-1].layer
    assert isinstance(head, Region)
    expected = naive.region_boxes(answer.outputs[1][image], head.anchors.tolist(), 4, 0.25, pjreddie=True)
    assert_scores_near(found.objectness, np.array(expected[1]))
    assert_scores_near(found.probabilities, np.array(expected[2]))


def test_a_threshold_of_the_tree_counts(tmp_path: Path) -> None:
    """AlexeyAB's program has the option and always takes 0.5."""
    answer = Answer("region_tree", tmp_path)
    usual, low = (answer.candidates(1, hier_thresh=thresh).probabilities for thresh in (0.5, 0.3))
    assert np.count_nonzero(low) >= np.count_nonzero(usual)
    assert ((low == 0) | ((low > 0.3) & (low <= 1))).all()
    assert not np.array_equal(low, usual)


def test_taking_boxes_twice_gives_the_same(tmp_path: Path) -> None:
    answer = Answer("region_tree", tmp_path)
    first, second = answer.candidates(0), answer.candidates(0)
    assert np.array_equal(first.probabilities, second.probabilities)


def test_measures_of_overlap() -> None:
    with np.load(FOLDER / "box_measures.npz") as measures:
        a, b = measures["a"], measures["b"]
        ours = {
            "iou": iou(a, b), "giou": giou(a, b), "diou": diou(a, b), "ciou": ciou(a, b),
            "diounms_06": diou(a, b, 0.6), "diounms_09": diou(a, b, 0.9),
        }  # fmt: skip
        for name, found in ours.items():
            recorded, without_area = measures[name], np.arange(len(a)) == 5
            if name == "ciou":  # 0/0 in the program; proportions of nothing are 0 here
                assert np.isnan(recorded[without_area]).all()
                assert np.isfinite(found).all()
                found, recorded = found[~without_area], recorded[~without_area]
            np.testing.assert_allclose(found, recorded, rtol=0, atol=5e-6, err_msg=name)
