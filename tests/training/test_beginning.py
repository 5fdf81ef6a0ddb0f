"""Before the first iteration: what cannot be trained is refused, weights are taken as far as they go."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from darknetpy.config.data_file import read_data
from darknetpy.config.sections import parse_cfg
from darknetpy.errors import ConfigError, DarknetpyError, DataError, Findings, WeightsError
from darknetpy.graph import Graph, build_graph, initial_weights
from darknetpy.training.beginning import check_classifier, counts_text, memory_estimate, read_what_fits, truths_of
from darknetpy.training.dataset import Dataset, Samples
from darknetpy.training.step import Training
from darknetpy.weights.writer import write_weights
from tests.training.drawn import CFG

SAMPLES = Samples(("a.png", "b.png", "c.png"), ((0,), (1,), (1,)))
SHAPES = Dataset(("disc", "square"), SAMPLES, None)
HEAD = "[convolutional]\nfilters=18\n[yolo]\nclasses=1\nnum=3\nanchors=1,1,2,2,3,3\n"


def network(text: str) -> Graph:
    return build_graph(parse_cfg(text, "net.cfg"), training=True)


def test_a_classifier_with_pictures_of_its_classes_is_fine() -> None:
    findings = Findings()
    assert check_classifier(network(CFG), SHAPES, findings) is SAMPLES
    assert findings.warnings == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CFG[: CFG.index("[avgpool]")] + HEAD, "net.cfg: this network is a detector, expected a classifier"),
        ("[net]\ninputs=4\nmax_batches=5\n[connected]\noutput=2\n[softmax]\n", "the network takes no pictures"),
        (CFG.replace("[net]", "[net]\ntime_steps=2"), "the network takes sequences"),
        (CFG.replace("channels=3", "channels=5"), "pictures with 5 channels"),
        (CFG.replace("[avgpool]", ""), "pictures of 2 classes, expected the 32 of the network"),
        (CFG.replace("[softmax]", ""), "no layer with a loss"),
    ],
)
def test_networks_that_are_no_classifiers_are_refused(text: str, message: str) -> None:
    with pytest.raises(DarknetpyError, match=message):
        check_classifier(network(text), SHAPES, Findings())


def test_classes_must_be_as_many_as_the_networks(tmp_path: Path) -> None:
    three = replace(SHAPES, names=("a", "b", "c"))
    with pytest.raises(DataError, match=r"pictures of 3 classes, expected the 2 of the network\. Let the last layer"):
        check_classifier(network(CFG), three, Findings())
    (tmp_path / "my.data").write_text("classes = 3\n")
    with pytest.raises(ConfigError, match=r"my.data:1:11: classes=3, expected the 2 classes of net.cfg"):
        check_classifier(network(CFG), replace(SHAPES, data=read_data(tmp_path / "my.data")), Findings())


def test_without_training_pictures_nothing_begins() -> None:
    for nothing in (None, SAMPLES.part([])):
        with pytest.raises(DataError, match="no training pictures"):
            check_classifier(network(CFG), replace(SHAPES, training=nothing), Findings())


def test_doubts_are_warnings() -> None:
    findings = Findings()
    check_classifier(network(CFG.replace("[net]", "[net]\ncenter=1")), SHAPES, findings)
    check_classifier(network(CFG), replace(SHAPES, training=SAMPLES.part([1, 2])), findings)
    assert [str(warning) for warning in findings.warnings] == [
        "net.cfg:2:8: [net]: center= has no effect on the training yet.",
        "no training picture of disc, expected some of each class. They cannot be learnt.",
    ]


def test_truths_are_smoothed_as_the_cfg_says() -> None:
    assert truths_of(SAMPLES, network(CFG)).tolist() == [[1, 0], [0, 1], [0, 1]]
    smooth = truths_of(SAMPLES, network(CFG.replace("[net]", "[net]\nlabel_smooth_eps=0.25")))
    assert smooth.tolist() == [[0.75, 0.25], [0.25, 0.75], [0.25, 0.75]]


def test_counts_of_many_classes_are_summed_up() -> None:
    assert counts_text(SAMPLES, ("disc", "square")) == "3 pictures in 2 classes: 1 disc, 2 square"
    names = tuple(f"class {number}" for number in range(11))
    assert counts_text(SAMPLES, names) == "3 pictures in 11 classes: 0 to 2 of each"


@pytest.mark.parametrize("upto", [1, 3, 5, 7, None])
def test_a_file_that_ends_behind_a_layer_fills_those_before(tmp_path: Path, upto: int | None) -> None:
    source, target, fresh = network(CFG), network(CFG), network(CFG)
    for graph, seed in ((source, 1), (target, 2), (fresh, 2)):
        initial_weights(graph, seed)
    write_weights(tmp_path / "some.weights", source, upto=upto, seen=640)
    report = read_what_fits(tmp_path / "some.weights", target, seed=2, findings=Findings())
    assert report.seen == 640
    for node in target.nodes:
        expected = source if upto is None or node.index < upto else fresh
        for name, values in node.weights.items():
            np.testing.assert_array_equal(values, expected.nodes[node.index].weights[name])


def test_files_that_end_inside_a_layer_or_are_none_are_refused(tmp_path: Path) -> None:
    graph, path = network(CFG), tmp_path / "some.weights"
    initial_weights(graph)
    write_weights(path, graph)
    whole = path.read_bytes()
    for content in (whole[:-4], whole + bytes(4), whole[: 20 + 4 * 8 * 4], whole[:20], b"", b"<html>" * 50):
        path.write_bytes(content)
        with pytest.raises(WeightsError):
            read_what_fits(path, graph, seed=0, findings=Findings())
    with pytest.raises(WeightsError, match="no such weights file"):
        read_what_fits(tmp_path / "none.weights", graph, seed=0, findings=Findings())


def test_the_estimate_of_memory_is_near_what_is_used() -> None:
    graph = network(CFG.replace("width=16", "width=64").replace("height=16", "height=64"))
    initial_weights(graph)
    training = Training(graph)
    pictures = np.random.default_rng(0).random((32, 3, 64, 64), np.float32)
    truths = np.eye(2, dtype=np.float32)[np.arange(32) % 2]
    tracemalloc.start()
    try:
        for _ in range(2):
            training.step((pictures[first : first + 16], truths[first : first + 16]) for first in (0, 16))
        used = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 0.6 < memory_estimate(graph) / (used + 4 * pictures.nbytes) < 1.6, (memory_estimate(graph), used)
