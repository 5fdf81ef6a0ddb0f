"""What heads say about the layer before them."""

from __future__ import annotations

from pathlib import Path

import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.errors import ConfigError, Findings
from darknetpy.graph import build_graph
from tests.layers.workbench import make_layer

NET = "[net]\nwidth=32\nheight=32\nchannels=3\n"
YOLO = "[yolo]\nanchors=1,2,3,4,5,6\nnum=3\nclasses=20\n"


def refusal(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        build_graph(parse_cfg(NET + text, "yolo.cfg"))
    return caught.value


def test_wrong_filters_are_pointed_at_in_the_layer_before() -> None:
    assert str(refusal(f"[convolutional]\nfilters=255\n{YOLO}")) == (
        "yolo.cfg:6:9: [convolutional] layer 0: filters=255, expected 75 for the [yolo] with classes=20 at line 7. "
        "Write filters=75."
    )


def test_filters_that_are_left_out_point_at_the_section() -> None:
    error = refusal(f"[convolutional]\n{YOLO}")
    assert (error.line, error.layer, error.found) == (5, 0, "filters=1")


def test_output_of_a_connected_layer_is_pointed_at() -> None:
    error = refusal("[connected]\noutput=100\n[detection]\ncoords=4\nside=3\nnum=2\nclasses=4\n")
    assert (error.line, error.option, error.found) == (6, "output", "output=100")
    assert error.expected.startswith("126 for the [detection] with classes=4")


@pytest.mark.parametrize("before", ["", "[convolutional]\nfilters=255\n[maxpool]\nsize=2\nstride=2\n"])
def test_without_filters_before_it_the_head_is_pointed_at(before: str) -> None:
    error = refusal(before + YOLO)
    assert error.section == "yolo"
    assert error.expected == "75 for classes=20"


def test_heads_with_other_classes_are_warned_about() -> None:
    other = YOLO.replace("classes=20", "classes=1")
    text = f"{NET}[convolutional]\nfilters=75\n{YOLO}[route]\nlayers=0\n[convolutional]\nfilters=18\n{other}"
    findings = Findings()
    graph = build_graph(parse_cfg(text, "yolo.cfg"), findings=findings)
    (warning,) = findings.warnings
    assert (warning.layer, warning.found) == (4, "classes=1")
    assert warning.expected == "classes=20 as in [yolo] at line 7"
    assert list(graph.heads) == [1, 4]


def test_a_map_is_looked_at_when_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    layer = make_layer("[region] anchors=1,2 map=classes.map")
    with pytest.raises(ConfigError, match=r"map=classes\.map: no such file"):
        layer.check_training()
    Path("classes.map").write_text("0\n2\n")
    layer.check_training()


@pytest.mark.parametrize(("dialect", "how"), [("alexeyab", "stretch"), ("pjreddie", "letterbox")])
def test_pictures_are_fitted_as_the_dialect_does(dialect: str, how: str) -> None:
    layer = make_layer("[region] anchors=1,2", dialect=dialect)
    assert (layer.preprocess, layer.nms_kind, layer.beta_nms) == (how, "default", 0.6)  # type: ignore[attr-defined]
