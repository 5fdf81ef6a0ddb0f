"""Trained detectors on photos, against what the C programs found.

The models and photos stay out of the project, so these tests need the reference material. PNG files decode to the same
bytes everywhere; JPEG files do not, so that answers differ a little, and boxes near the threshold come and go.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darknetpy.detection.boxes import corners
from darknetpy.detection.detections import Detections
from darknetpy.network import Network, load

RUNS = {
    "ab_resize": ("alexeyab", "stretch"),
    "ab_letterbox": ("alexeyab", "letterbox"),
    "pj_letterbox": ("pjreddie", "letterbox"),
}
THRESHOLDS = {"yolo-lite-micro": 0.02}
USUAL_THRESHOLD = 0.1
MODELS = {
    "mobilenetv2-yolo-fastest-voc": ("ab_resize", "ab_letterbox"),
    "yolo-fastest-1.1": tuple(RUNS),
    "yolo-lite-coco": tuple(RUNS),
    "yolo-lite-micro": tuple(RUNS),
    "yolo-lite-voc": tuple(RUNS),
    "yoloface-500k-v2": ("ab_resize", "ab_letterbox"),
    "yoloface-50k": tuple(RUNS),
}
LIMITS = {"png": (0.05, 1e-4), "jpg": (2.0, 0.025)}  # pixels, probability
NAMES = ("dog", "eagle", "giraffe", "horses", "person")
PHOTOS = [f"{name}{kind}" for name in NAMES for kind in ("_small.png", ".jpg")]
pytestmark = pytest.mark.filterwarnings("ignore:.*nms_kind=greedynms.*does not know it")
CASES = [pytest.param(model, run, id=f"{model} {run}") for model, runs in MODELS.items() for run in runs]


def network(shared: Path, model: str, run: str) -> Network:
    folder = shared / "data" / "models" / model
    return load(folder / f"{model}.cfg", folder / f"{model}.weights", dialect=RUNS[run][0])


def recorded(shared: Path, model: str, run: str) -> dict[str, Any]:
    return json.loads((shared / "data" / "models" / model / "results.json").read_text())[run]


def assert_same_objects(found: Detections, record: dict[str, Any], thresh: float, kind: str) -> None:
    """Each recorded object is there, and no other, but for those within the tolerance of the threshold."""
    pixels, tolerance = LIMITS[kind]
    expected = sorted(record["dets"], key=lambda row: -row[1])
    boxes = corners(np.array([row[2:] for row in expected], np.float32).reshape(-1, 4), *record["size"])
    free = set(range(len(found)))
    for (class_id, probability, *_), box in zip(expected, boxes, strict=True):
        near = [
            index
            for index in free
            if found.class_id[index] == class_id
            and abs(found.confidence[index] - probability) <= tolerance
            and np.abs(found.xyxy[index] - box).max() <= pixels
        ]
        if near:
            free.remove(min(near, key=lambda index: float(np.abs(found.xyxy[index] - box).max())))
        else:
            assert probability - thresh <= tolerance, f"class {class_id}, {probability:.4f} at {box} is missing"
    for index in free:
        assert found.confidence[index] - thresh <= tolerance, f"{found.labels[index]} at {found.xyxy[index]} is new"


@pytest.mark.parametrize(("model", "run"), CASES)
def test_finds_what_the_program_found(shared: Path, model: str, run: str) -> None:
    net, records = network(shared, model, run), recorded(shared, model, run)
    thresh = THRESHOLDS.get(model, USUAL_THRESHOLD)
    for photo in PHOTOS:
        found = net.detect(shared / "data" / "images" / photo, thresh, preprocess=RUNS[run][1])
        kind = photo.rpartition(".")[2]
        if kind == "png":
            assert len(found) == len(records[photo]["dets"])
        assert_same_objects(found, records[photo], thresh, kind)


@pytest.mark.parametrize("run", ["ab_resize", "pj_letterbox"])
def test_pictures_are_fitted_as_the_program_does(shared: Path, run: str) -> None:
    photo = shared / "data" / "images" / "dog_small.png"
    found = network(shared, "yolo-lite-voc", run).detect(photo, 0.1)
    assert_same_objects(found, recorded(shared, "yolo-lite-voc", run)["dog_small.png"], 0.1, "png")


@pytest.mark.parametrize(
    ("run", "name"), [("ab_resize", "resize"), ("ab_letterbox", "letterbox"), ("pj_letterbox", "letterbox_pj")]
)
def test_output_of_the_head(shared: Path, run: str, name: str) -> None:
    net = network(shared, "yoloface-50k", run)
    photo, folder = shared / "data" / "images" / "dog_small.png", shared / "data" / "models" / "yoloface-50k"
    prepared = net.prepare(photo, preprocess=RUNS[run][1])
    np.testing.assert_allclose(
        prepared, np.load(folder / f"dog_small_{name.removesuffix('_pj')}_input.npy"), rtol=0, atol=1e-6
    )
    output = net(prepared[np.newaxis])[0]
    expected = np.load(folder / f"dog_small_{name}_yolo.npy").reshape(output.shape)
    assert np.abs(output - expected).max() <= 1e-4 * np.abs(expected).max()
