"""Options of the heads that use some of the anchors."""

from __future__ import annotations

import pytest

from darknetpy.errors import ConfigError
from darknetpy.layers.parts.masked_anchors import MaskedAnchorsHead
from tests.layers.workbench import make_layer


def head(options: str, name: str = "yolo") -> MaskedAnchorsHead:
    layer = make_layer(f"[{name}] anchors=1,2,3,4,5,6 num=3 classes=2 {options}")
    assert isinstance(layer, MaskedAnchorsHead)
    return layer


@pytest.mark.parametrize(("name", "besides"), [("yolo", 10), ("Gaussian_yolo", 18)])
def test_number_of_inputs(name: str, besides: int) -> None:
    layer = head("mask=0,2", name)
    assert (layer.per_class, layer.besides_classes) == (2, besides)


@pytest.mark.parametrize("mask", ["3", "0,1,3", "-1,0"])
def test_a_mask_must_point_at_anchors(mask: str) -> None:
    with pytest.raises(ConfigError) as caught:
        head(f"mask={mask}")
    assert caught.value.found == f"mask={mask} with num=3"
    assert caught.value.option == "mask"


def test_a_mask_may_point_at_anchors_beyond_num() -> None:
    """As in a cfg of AlexeyAB's, which its program reads from memory that is not its own."""
    layer = make_layer("[yolo] anchors=1,2,3,4,5,6 num=1 mask=2,0 classes=2")
    assert isinstance(layer, MaskedAnchorsHead)
    assert layer.anchors.tolist() == [[5, 6], [1, 2]]
    (warning,) = layer.remarks([(14, 2, 2)])
    assert warning.found == "6 numbers in anchors="


def test_an_anchor_twice_is_warned_about() -> None:
    (warning,) = head("mask=0,0,1").remarks([(21, 2, 2)])
    assert warning.found == "mask=0,0,1"


@pytest.mark.parametrize("option", ["ignore_thresh", "truth_thresh", "iou_thresh"])
@pytest.mark.parametrize("value", ["2", "-1"])
def test_odd_thresholds_of_training_are_warned_about(option: str, value: str) -> None:
    (warning,) = head(f"{option}={value}").remarks([(21, 2, 2)])
    assert (warning.found, warning.option) == (f"{option}={value}", option)


def test_counters_are_compared_with_the_classes_when_training() -> None:
    layer = head("counters_per_class=1,2,3")
    with pytest.raises(ConfigError, match="3 numbers in counters_per_class=, expected one for each of classes=2"):
        layer.check_training()
    head("counters_per_class=1,2").check_training()


@pytest.mark.parametrize(("dialect", "most"), [("alexeyab", 200), ("pjreddie", 90)])
def test_most_objects_depend_on_the_dialect(dialect: str, most: int) -> None:
    assert make_layer("[yolo] anchors=1,2", dialect=dialect).options.max == most
