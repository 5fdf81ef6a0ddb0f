"""What networks say about pictures: detectors, and that each kind answers its own questions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from darknetpy.config.sections import parse_cfg
from darknetpy.detection.decode import Limits, find_boxes
from darknetpy.detection.detections import Detections, detections_of
from darknetpy.errors import ConfigError, ImageError, WeightsError
from darknetpy.network import Network, load
from tests.detection.networks import detector, picture, two_heads

NAMES = ["cat", "dog", "bird"]
CLASSIFIER = "[net]\nwidth=8\nheight=8\nchannels=3\n[connected]\noutput=4\n[softmax]\n"


def assert_same(found: Detections, expected: Detections, tolerance: float = 0) -> None:
    assert found.class_id.tolist() == expected.class_id.tolist()
    np.testing.assert_allclose(found.xyxy, expected.xyxy, rtol=0, atol=tolerance)
    np.testing.assert_allclose(found.confidence, expected.confidence, rtol=0, atol=tolerance)


def test_detects_what_its_heads_say() -> None:
    net = detector(names=NAMES)
    prepared, placement = net.prepare_placed(picture())
    assert (placement.picture_width, placement.picture_height, placement.scaled_width) == (100, 80, 64)
    outputs = dict(zip(net.graph.heads, net.predict(prepared[np.newaxis], outputs=[2, 5]), strict=True))
    expected = detections_of(find_boxes(net.graph, outputs, 0, placement, Limits(0.3)), 100, 80, NAMES)
    found = net.detect(picture(), 0.3)
    assert len(found) > 3
    assert_same(found, expected)
    assert set(found.labels) <= set(NAMES)
    assert (np.diff(found.confidence) <= 0).all()
    assert (found.confidence > 0.3).all()


def test_engine_and_plain_form_find_the_same() -> None:
    net = detector()
    prepared, placement = net.prepare_placed(picture())
    outputs = dict(zip([2, 5], net.predict(prepared[np.newaxis], outputs=[2, 5], engine=False), strict=True))
    plain = detections_of(find_boxes(net.graph, outputs, 0, placement, Limits()), 100, 80)
    assert_same(net.detect(picture()), plain, tolerance=1e-3)


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_a_list_of_pictures_gives_a_list(batch: int) -> None:
    net = detector(batch=batch)
    pictures = [picture(width, 80, seed) for seed, width in enumerate((100, 60, 200))]
    found = net.detect(pictures)
    assert isinstance(found, list)
    for one, image in zip(found, pictures, strict=True):
        assert_same(one, net.detect(image), tolerance=1e-4)
    assert net.detect([]) == []


def test_files_and_orders_of_colours(tmp_path: Path) -> None:
    net = detector()
    Image.fromarray(picture()).save(tmp_path / "a.png")
    assert_same(net.detect(tmp_path / "a.png"), net.detect(picture()))
    assert_same(net.detect(picture()[..., ::-1], channels="bgr"), net.detect(picture()))


@pytest.mark.parametrize("preprocess", ["stretch", "letterbox", "crop"])
def test_boxes_lie_in_the_picture_however_it_is_fitted(preprocess: str) -> None:
    found = detector().detect(picture(), 0.1, preprocess=preprocess)
    assert len(found)
    assert (found.xyxy[:, :2] >= 0).all()
    assert (found.xyxy[:, 2:] <= [100, 80]).all()
    assert (found.xyxy[:, 2:] >= found.xyxy[:, :2]).all()


def test_classes_by_name_or_number() -> None:
    net = detector(names=NAMES)
    every = net.detect(picture())
    wanted = every[np.isin(every.class_id, [0, 2])]
    assert 0 < len(wanted) < len(every)
    assert_same(net.detect(picture(), classes=["cat", 2]), wanted)
    with pytest.raises(ValueError, match=r"no class dgo among the 3 of this network\. Did you mean dog\?"):
        net.detect(picture(), classes=["dgo"])
    with pytest.raises(ValueError, match="no class 3"):
        net.detect(picture(), classes=[3])


def test_thresholds() -> None:
    net = detector()
    assert len(net.detect(picture(), 1.0)) == 0
    assert len(net.detect(picture(), nms=None)) > len(net.detect(picture(), nms=0.2))
    with pytest.raises(ValueError, match="thresh=25"):
        net.detect(picture(), 25)


def test_a_box_once_or_for_each_class() -> None:
    net = detector()
    assert len(net.detect(picture(), best_class_only=True)) < len(net.detect(picture()))


def test_a_detector_counts_the_classes_of_its_heads() -> None:
    net = detector()
    assert (net.is_detector, net.classes) == (True, 3)
    classifier = load(parse_cfg(CLASSIFIER))
    assert (classifier.is_detector, classifier.classes) == (False, 4)


def test_pictures_are_fitted_as_the_program_of_the_dialect_does() -> None:
    ways = {}
    for dialect in ("alexeyab", "pjreddie"):
        net = detector(dialect=dialect)
        ways[dialect] = net.preprocess
        assert_same(net.detect(picture()), net.detect(picture(), preprocess=net.preprocess))
        ways[f"{dialect} classifier"] = load(parse_cfg(CLASSIFIER), dialect=dialect).preprocess
    assert ways == {
        "alexeyab": "stretch", "pjreddie": "letterbox",
        "alexeyab classifier": "crop", "pjreddie classifier": "letterbox",
    }  # fmt: skip
    assert detector(two_heads(net="letter_box=1\n")).preprocess == "letterbox"


def test_fewer_names_than_classes_are_refused() -> None:
    """TRAIN-041"""
    with pytest.raises(ConfigError, match="2 class names, expected one for each of 3 classes"):
        detector(names=["cat", "dog"])


@pytest.mark.filterwarnings("ignore:.*classes=1, expected classes=3")
def test_heads_with_fewer_classes_do_not_limit_the_names() -> None:
    net = detector(two_heads(3, 1), names=NAMES)
    assert net.names == NAMES
    assert len(net.detect(picture()))


@pytest.mark.parametrize("kind", ["detector", "classifier"])
def test_each_kind_answers_its_own_question(kind: str) -> None:
    net: Network = detector() if kind == "detector" else load(parse_cfg(CLASSIFIER, "c.cfg"))
    with pytest.raises(ConfigError, match="Use classify" if kind == "classifier" else "Use detect"):
        net.classify(picture()) if kind == "detector" else net.detect(picture())


def test_only_networks_that_answer_with_classes_are_classifiers() -> None:
    load(parse_cfg(CLASSIFIER)).require_classifier()
    with pytest.raises(ConfigError, match="this network is a detector, expected a classifier"):
        detector().require_classifier()
    with pytest.raises(ConfigError, match="answers with 3x8x8 values, expected one for each class"):
        load(parse_cfg("[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nfilters=3\n")).require_classifier()


def test_probabilities_have_a_row_for_each_picture() -> None:
    net = load(parse_cfg(CLASSIFIER))
    batch = np.random.default_rng(0).random((3, 3, 8, 8), np.float32)
    outputs = net.outputs_for_answers(batch)
    rows = net.probabilities_from(outputs, leaves_only=True)
    np.testing.assert_array_equal(rows, outputs[0].reshape(3, 4))
    best = [answers[0].class_id for answers in net.classify_prepared(batch, top=1)]
    assert rows.argmax(axis=1).tolist() == best


def test_answers_that_are_no_numbers_are_refused() -> None:
    net = detector()
    net.layers[0].weights["biases"][:] = np.nan
    with pytest.raises(WeightsError, match="not finite, expected boxes and probabilities"):
        net.detect(picture())


def test_a_network_without_pictures_says_so() -> None:
    text = "[net]\ninputs=5\n[connected]\noutput=36\n[detection]\ncoords=4\nside=2\nnum=1\nclasses=4\n"
    with pytest.raises(ImageError, match="takes 5 values"):
        load(parse_cfg(text)).detect(picture())


def test_each_picture_needs_its_placement() -> None:
    net = detector()
    prepared, placement = net.prepare_placed(picture())
    with pytest.raises(ValueError, match="zip"):
        net.detect_prepared(np.stack([prepared, prepared]), [placement])
