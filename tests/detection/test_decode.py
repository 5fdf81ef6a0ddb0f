"""All heads of a network together."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.detection.boxes import to_picture
from darknetpy.detection.decode import (
    Limits,
    decode,
    default_preprocess,
    find_boxes,
    without_overlaps,
)
from darknetpy.graph import Graph
from darknetpy.images.preprocess import place
from darknetpy.network import Network
from tests.detection.networks import NET, detector, picture, two_heads

PLACEMENT = place(100, 80, 64, 32, "letterbox")
LOW = Limits(0.1)


def outputs_of(net: Network, n: int = 1) -> dict[int, np.ndarray]:
    batch = np.stack([net.prepare(picture(seed=seed), preprocess="letterbox") for seed in range(n)])
    found = net.predict(batch, outputs=list(net.graph.heads), engine=False)
    return dict(zip(net.graph.heads, found, strict=True))


def test_boxes_come_head_by_head_in_parts_of_the_picture() -> None:
    net = detector()
    outputs = outputs_of(net)
    parts = [head.candidates(outputs[index][0], (64, 32), LOW.thresh) for index, head in net.graph.heads.items()]
    found = decode(net.graph, outputs, 0, PLACEMENT, LOW)
    assert all(len(part.boxes) for part in parts)
    assert np.array_equal(found.boxes, to_picture(np.concatenate([part.boxes for part in parts]), PLACEMENT))
    assert np.array_equal(found.objectness, np.concatenate([part.objectness for part in parts]))
    assert np.array_equal(found.probabilities, np.concatenate([part.probabilities for part in parts]))


def test_each_picture_of_a_batch_has_its_boxes() -> None:
    net = detector()
    both = outputs_of(net, 2)
    for image in (0, 1):
        alone = {index: output[image : image + 1] for index, output in both.items()}
        expected, found = decode(net.graph, alone, 0, PLACEMENT, LOW), decode(net.graph, both, image, PLACEMENT, LOW)
        assert np.array_equal(found.boxes, expected.boxes)
        assert np.array_equal(found.probabilities, expected.probabilities)


@pytest.mark.filterwarnings("ignore:.*classes=1, expected classes=3")
def test_heads_with_fewer_classes_are_filled_up() -> None:
    net = detector(two_heads(3, 1))
    found = decode(net.graph, outputs_of(net), 0, PLACEMENT, LOW)
    assert net.graph.classes == 3
    assert found.probabilities.shape[1] == 3
    second = len(net.graph.heads[5].candidates(outputs_of(net)[5][0], (64, 32), LOW.thresh).boxes)
    assert not found.probabilities[-second:, 1:].any()


def test_further_values_are_kept_where_all_heads_have_them() -> None:
    text = two_heads().replace("[yolo]", "[Gaussian_yolo]").replace("filters=16", "filters=24")
    net = detector(text)
    found = decode(net.graph, outputs_of(net), 0, PLACEMENT, Limits(0.01))
    assert found.more["uncertainty"].shape == (len(found.boxes), 4)
    first, _, last = text.rpartition("[Gaussian_yolo]")
    first = first[: first.rindex("filters=24")] + first[first.rindex("filters=24") :].replace("24", "16")
    mixed = detector(f"{first}[yolo]{last}")
    assert decode(mixed.graph, outputs_of(mixed), 0, PLACEMENT, LOW).more == {}


@pytest.mark.parametrize(
    ("dialect", "net", "how"),
    [
        ("alexeyab", "", "stretch"),
        ("alexeyab", "letter_box=1\n", "letterbox"),
        ("pjreddie", "", "letterbox"),
    ],
)
def test_how_pictures_are_fitted(dialect: str, net: str, how: str) -> None:
    assert default_preprocess(detector(two_heads(net=net), dialect=dialect).graph) == how


def test_the_first_yolo_stretches_pictures() -> None:
    text = f"{NET}[connected]\noutput=36\n[detection]\ncoords=4\nside=2\nnum=1\nclasses=4\n"
    assert default_preprocess(detector(text, dialect="pjreddie").graph) == "stretch"


def graph_with(options: str, dialect: str = "alexeyab") -> Graph:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("darknetpy.network._warn", lambda findings: None)
        return detector(two_heads(options=options), dialect=dialect).graph


@pytest.mark.parametrize(
    ("options", "dialect", "kept"),
    [
        ("", "alexeyab", 1),
        ("nms_kind=greedynms", "alexeyab", 2),
        ("nms_kind=greedynms", "pjreddie", 1),
        ("nms_kind=diounms\nbeta_nms=9", "alexeyab", 1),
        ("nms_kind=diounms\nbeta_nms=.5", "alexeyab", 2),
    ],
)
def test_the_last_head_says_how_to_suppress(options: str, dialect: str, kept: int) -> None:
    graph = graph_with(options, dialect)
    candidates = decode(graph, {2: np.zeros((1, 16, 4, 8)), 5: np.zeros((1, 16, 2, 4))}, 0, PLACEMENT, Limits())
    assert len(candidates.boxes) == 0
    boxes = np.array([[0.5, 0.5, 0.2, 0.2], [0.56, 0.5, 0.2, 0.2]], np.float32)
    ones = np.ones((2, 1), np.float32)
    found = without_overlaps(graph, candidates._replace(boxes=boxes, objectness=ones[:, 0], probabilities=ones), 0.45)
    assert np.count_nonzero(found.probabilities) == kept


def test_distances_depend_on_the_unit() -> None:
    """Side by side in a wide picture is farther away than in a square one."""
    graph = graph_with("nms_kind=greedynms")
    nothing = decode(graph, {2: np.zeros((1, 16, 4, 8)), 5: np.zeros((1, 16, 2, 4))}, 0, PLACEMENT, Limits())
    boxes = np.array([[0.5, 0.5, 0.2, 0.2], [0.53, 0.5, 0.2, 0.2]], np.float32)
    ones = np.ones((2, 1), np.float32)
    candidates = nothing._replace(boxes=boxes, objectness=ones[:, 0], probabilities=ones)
    left = [np.count_nonzero(without_overlaps(graph, candidates, 0.7, unit).probabilities) for unit in ((1, 9), (9, 1))]
    assert left == [1, 2]


def test_without_a_limit_nothing_is_suppressed() -> None:
    net = detector()
    outputs = outputs_of(net)
    every = find_boxes(net.graph, outputs, 0, PLACEMENT, Limits(0.1, None))
    assert np.array_equal(every.probabilities, decode(net.graph, outputs, 0, PLACEMENT, LOW).probabilities)
    fewer = find_boxes(net.graph, outputs, 0, PLACEMENT, Limits(0.1, 0.2))
    assert 0 < np.count_nonzero(fewer.probabilities) < np.count_nonzero(every.probabilities)


@pytest.mark.parametrize("limits", [{"thresh": 25}, {"nms": -0.1}, {"hier_thresh": float("nan")}])
def test_limits_lie_between_0_and_1(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected a number from 0 to 1"):
        Limits(**limits)  # type: ignore[arg-type]
