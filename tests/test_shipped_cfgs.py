"""The cfg files that we ship for well-known networks: facts of the official networks, headers, and one hand.

golden/shipped.json holds what the C programs print for the official files: type, output and parameters of every layer.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import darknetpy
from darknetpy.config.names import read_names
from darknetpy.config.net_options import NET_OPTIONS
from darknetpy.config.options import Option, Options, Use, float32
from darknetpy.config.sections import read_cfg
from darknetpy.config.shipped import shipped_networks
from darknetpy.dialect import DIALECTS
from darknetpy.errors import Findings
from darknetpy.graph import Graph, Node, build_graph
from darknetpy.layers.base import COMMON_OPTIONS, size_of
from darknetpy.weights.layout import layout, total_bytes
from darknetpy.weights.official_sizes import OFFICIAL_SIZES
from tests.conftest import GOLDEN

SHIPPED = json.loads((GOLDEN / "shipped.json").read_text("ascii"))
FACTS: dict[str, dict[str, Any]] = SHIPPED["networks"]
HEADER_BYTES = 20
FLOPS_TOLERANCE = 0.0006e9  # the C programs print three decimals of 1e9
NOT_COUNTED = {"connected", "local", "rnn", "gru", "lstm"}
"""Types whose operations the C programs count as 0."""
SUMS_OF_SOME_CHANNELS = {
    "csresnext50-panet-spp": [8], "csresnext50-panet-spp-original-optimal": [8], "enet-coco": [140, 143],
    "resnet50": [5], "resnet101": [5], "resnet152": [5], "resnext50": [5], "resnext101-32x4d": [5],
    "resnext152-32x4d": [5], "yolov3-tiny-prn": [22, 25],
}  # fmt: skip
"""Shortcuts that add layers with different channels on purpose; anybody else's network is warned about them."""

FIELDS = ("Network", "Paper", "Accuracy", "Weights", "From", "Classes", "Dialect")
_FIELD = re.compile(rf"# ({'|'.join((*FIELDS, 'Design'))}): ")
_BYTES = re.compile(r"([\d,]+) bytes \((old )?header of (16|20) bytes")
_OPTION = re.compile(r"([a-zA-Z_0-9]+)=(\S+)")
LINE = 120
MAXIMUM_BYTES = 1_500_000

_TRAINING_OF_HEADS = (
    "iou_loss iou_thresh ignore_thresh iou_normalizer cls_normalizer obj_normalizer objectness_smooth max_delta "
    "jitter resize random"
)
ORDER = {
    "net": "width height channels inputs letter_box batch subdivisions time_steps momentum adam decay learning_rate "
    "policy power step scale steps scales burn_in max_batches min_crop max_crop flip angle aspect hue saturation "
    "exposure blur cutmix mosaic label_smooth_eps ema_alpha",
    "convolutional": "batch_normalize filters size stride pad groups activation stopbackward",
    "connected": "batch_normalize output activation",
    "local": "filters size pad activation",
    "crop": "crop_width crop_height flip",
    "maxpool": "size stride padding",
    "shortcut": "from activation",
    "route": "layers groups group_id",
    "rnn": "batch_normalize output hidden activation",
    "lstm": "batch_normalize output",
    "detection": "classes coords num side rescore sqrt noobject_scale coord_scale",
    "region": "classes num anchors softmax bias_match thresh object_scale rescore jitter random",
    "yolo": f"classes num anchors mask new_coords scale_x_y nms_kind beta_nms {_TRAINING_OF_HEADS}",
    "Gaussian_yolo": f"classes num anchors mask {_TRAINING_OF_HEADS}",
}
"""The order of options; sections that have one option at most are left out."""
TEACHING = {
    "net": {"batch", "subdivisions", "time_steps", "momentum", "learning_rate", "power", "min_crop"},
    "convolutional": {"size", "activation"},
    "maxpool": {"size", "stride"},
    "upsample": {"stride"},
    "reorg": {"stride"},
    "rnn": {"hidden"},
    "detection": {"classes", "side"},
    "region": {"classes"},
    "yolo": {"classes", "beta_nms"},
    "dropout": {"probability"},
}
"""Options that may be written although the default is the same: without them the reader would have to look it up."""


def text_of(name: str) -> str:
    return shipped_networks()[name].cfg.read_text("ascii")


@cache
def header(name: str) -> dict[str, str]:
    """The fields of the comment at the top; lines that begin with blanks go on with the one before."""
    found: dict[str, str] = {}
    for line in text_of(name).split("\n\n")[0].splitlines():
        field = _FIELD.match(line)
        if field:
            found[field[1]] = line[field.end() :]
        elif found and line.startswith("#   "):
            found[list(found)[-1]] += line[3:]
    return found


@cache
def built(name: str) -> tuple[Graph, Findings]:
    findings = Findings()
    cfg = read_cfg(shipped_networks()[name].cfg, findings)
    dialect = DIALECTS[header(name).get("Dialect", "alexeyab")]
    return build_graph(cfg, dialect=dialect, findings=findings), findings


def graph_of(name: str) -> Graph:
    return built(name)[0]


def row(node: Node) -> str:
    """A layer as the table of facts has it: a picture of one pixel counts as flat."""
    shape = node.output_shape
    sides = shape[:1] if shape[1:] == (1, 1) else shape
    return f"{node.type.lower()} {'x'.join(map(str, sides))} {node.parameters}"


every_network = pytest.mark.parametrize("name", list(shipped_networks()))
every_published_network = pytest.mark.parametrize("name", list(FACTS))


@pytest.mark.quick
def test_every_cfg_is_compared_with_facts() -> None:
    ours = {name for name, network in shipped_networks().items() if network.weights or "Design" in header(name)}
    assert set(FACTS) == set(shipped_networks()) - ours


@every_network
def test_nothing_to_complain_about(name: str) -> None:
    _, findings = built(name)
    sums = [warning.layer for warning in findings.warnings if "channels are added" in str(warning)]
    assert sums == SUMS_OF_SOME_CHANNELS.get(name, [])
    assert len(findings.warnings) == len(sums)
    assert not findings.notes


@every_published_network
def test_every_layer_is_that_of_the_official_network(name: str) -> None:
    graph, facts = graph_of(name), FACTS[name]
    assert "x".join(map(str, graph.input_shape)) == facts["input"]
    assert [row(node) for node in graph.nodes] == [SHIPPED["layers"][index] for index in facts["layers"]]
    for node in graph.nodes:
        expected = facts["sources"].get(str(node.index), [node.index - 1])
        assert list(node.sources) == expected, f"layer {node.index} [{node.type}]"


@every_published_network
def test_parameters_bytes_and_operations(name: str) -> None:
    graph, facts = graph_of(name), FACTS[name]
    assert graph.parameters == facts["parameters"]
    assert HEADER_BYTES + total_bytes(layout(graph)) == facts["weights_bytes"]
    assert OFFICIAL_SIZES.get(name, facts["weights_bytes"]) == facts["weights_bytes"]
    counted = sum(node.flops for node in graph.nodes if node.type not in NOT_COUNTED)
    assert counted == pytest.approx(facts["gflops"] * 1e9, rel=1e-5, abs=FLOPS_TOLERANCE)


@every_published_network
def test_the_header_says_what_it_is(name: str) -> None:
    fields = header(name)
    required = [field for field in FIELDS if field != "From" or not fields["Weights"].startswith("none published")]
    assert list(fields) == required
    assert all(len(value) > 2 for value in fields.values())
    assert fields["Dialect"] in DIALECTS
    assert text_of(name).startswith("# ")
    bytes_and_header = _BYTES.search(fields["Weights"])
    assert bytes_and_header, fields["Weights"]
    size, old, header_bytes = bytes_and_header.groups()
    assert (header_bytes == "16") == bool(old)
    assert int(size.replace(",", "")) == int(header_bytes) + total_bytes(layout(graph_of(name)))
    shape = graph_of(name).input_shape
    assert ("x".join(map(str, (*shape[:0:-1], shape[0]))) if len(shape) == 3 else str(shape[0])) in fields["Network"]


@every_published_network
def test_every_class_has_a_name(name: str) -> None:
    last = graph_of(name).nodes[-1]
    names, findings = shipped_networks()[name].names, Findings()
    if header(name)["Classes"] == "none":
        assert names is None
        return
    assert names is not None
    assert names.stem == header(name)["Classes"]
    classes = last.options.classes if "classes" in last.options else size_of(last.output_shape)
    assert len(read_names(names, findings)) == classes
    assert f" {classes} classes" in header(name)["Network"]
    assert not findings.warnings, "names that cannot be told apart"


@pytest.mark.quick
def test_every_list_of_classes_is_used() -> None:
    folder = shipped_networks()["yolov4"].cfg.parent
    assert set(folder.glob("*.names")) == {network.names for network in shipped_networks().values()} - {None}


@pytest.mark.quick
def test_the_files_are_small() -> None:
    folder = shipped_networks()["yolov4"].cfg.parent
    assert sum(path.stat().st_size for path in folder.iterdir()) < MAXIMUM_BYTES


@every_network
def test_one_style(name: str) -> None:
    text = text_of(name)
    assert "\r" not in text
    assert "\t" not in text
    assert text.endswith("\n")
    assert "\n\n\n" not in text
    assert not text.endswith("\n\n")
    head, *sections = text.removesuffix("\n").split("\n\n")
    assert all(line.startswith("# ") or line == "#" for line in head.splitlines())
    assert sections[0].startswith("[net]\n")
    for line in text.splitlines():
        assert line == line.rstrip()
        assert len(line) <= LINE or not line.startswith("#"), line
    for section in sections:
        lines = section.splitlines()
        while lines[0].startswith("# "):
            del lines[0]
        assert re.fullmatch(r"\[\w+\]", lines[0]), lines[0]
        for line in lines[1:]:
            assert _OPTION.fullmatch(line) or line.startswith("# "), line


@every_network
def test_options_stand_in_one_order(name: str) -> None:
    for section in graph_of(name).cfg:
        order = ORDER.get(section.name, "").split()
        written = list(section.values)
        if len(written) > 1:
            assert written == sorted(written, key=order.index), f"line {section.line}"


def superfluous(declared: tuple[Option, ...], options: Options, kind: str, name: str) -> list[str]:
    dialect = graph_of(name).dialect
    return [
        option.name
        for option in declared
        if option.name in options.given - TEACHING.get(kind, set())
        and options[option.name] == option.default_for(options, dialect)
    ]


@every_published_network
def test_no_option_says_what_is_so_anyway(name: str) -> None:
    graph = graph_of(name)
    assert superfluous(NET_OPTIONS, graph.net, "net", name) == []
    for node in graph.nodes:
        declared = (*node.layer.declared_options, *COMMON_OPTIONS)
        assert superfluous(declared, node.options, node.type, name) == [], f"layer {node.index} [{node.type}]"


def comparable(options: Options, declared: tuple[Option, ...], size: int | None) -> dict[str, Any]:
    """The values that running and training go by, without what two ways of writing say differently."""
    left_out = {"layers", "from", "batch", "subdivisions", "sequential_subdivisions"}
    if size == 1:
        left_out.add("pad")  # half of 1, rounded down, is 0
    values = {option.name: options[option.name] for option in declared if option.use is not Use.NONE}
    return {
        name: float32(value) if isinstance(value, float) else value
        for name, value in values.items()
        if name not in left_out
    }


@every_published_network
def test_it_is_the_official_cfg_in_other_words(name: str, shared: Path) -> None:
    """Wiring, arrays and options; official files have the batch of a test run, ours that of the training."""
    ours, official = graph_of(name), read_cfg(shared / "data" / "zoo" / FACTS[name]["file"])
    theirs = build_graph(official, dialect=ours.dialect, findings=Findings())
    assert comparable(ours.net, NET_OPTIONS, None) == comparable(theirs.net, NET_OPTIONS, None)
    for node, other in zip(ours.nodes, theirs.nodes, strict=True):
        assert (node.sources, node.arrays) == (other.sources, other.arrays), f"layer {node.index}"
        declared, size = (*node.layer.declared_options, *COMMON_OPTIONS), node.options.get("size")
        expected = comparable(other.options, declared, size)
        assert comparable(node.options, declared, size) == expected, f"layer {node.index} [{node.type}]"


def test_official_weights_give_the_answers_of_the_c_program(shared: Path) -> None:
    folder = shared / "data" / "models" / "tiny"
    recorded = json.loads((folder / "results.json").read_text())["pj_letterbox"]["dog_small.png"]
    net = darknetpy.load("tiny", folder / "tiny.weights", dialect=header("tiny")["Dialect"])
    answers = net.classify(shared / "data" / "images" / "dog_small.png")
    assert [answer.class_id for answer in answers] == [class_id for class_id, _ in recorded]
    expected = [probability for _, probability in recorded]
    np.testing.assert_allclose([answer.probability for answer in answers], expected, atol=1e-4)
    assert answers[0].label == "malamute"
