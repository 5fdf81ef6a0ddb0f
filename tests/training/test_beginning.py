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
from darknetpy.training import beginning
from darknetpy.training.beginning import (
    by_nodes,
    check_classifier,
    check_memory,
    counts_text,
    memory_estimate,
    read_what_fits,
    smoothed_truths,
    truths_of,
)
from darknetpy.training.dataset import Dataset, Samples
from darknetpy.training.step import Training
from darknetpy.weights.writer import write_weights
from tests.training.drawn import CFG

SAMPLES = Samples(("a.png", "b.png", "c.png"), ((0,), (1,), (1,)))
SHAPES = Dataset(("disc", "square"), SAMPLES, None)
PAIRS = CFG.replace("batch=32", "batch=2")  # no more than there are pictures
HEAD = "[convolutional]\nfilters=18\n[yolo]\nclasses=1\nnum=3\nanchors=1,1,2,2,3,3\n"


def network(text: str) -> Graph:
    return build_graph(parse_cfg(text, "net.cfg"), training=True)


def test_a_classifier_with_pictures_of_its_classes_is_fine() -> None:
    findings = Findings()
    assert check_classifier(network(PAIRS), SHAPES, findings) is SAMPLES
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
    with pytest.raises(
        DataError, match=r"pictures of 3 classes, expected the 2 of the network\. Write such a network: darknetpy cfg"
    ):
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
    check_classifier(network(PAIRS.replace("[net]", "[net]\ntrack=1")), SHAPES, findings)
    check_classifier(network(PAIRS), replace(SHAPES, training=SAMPLES.part([1, 2])), findings)
    check_classifier(network(CFG), SHAPES, findings)
    assert [str(warning) for warning in findings.warnings] == [
        "net.cfg:2:7: [net]: track= has no effect on the training of a classifier.",
        "no training picture of disc, expected some of each class. They cannot be learnt.",
        "3 training pictures, expected at least batch=32. Updates see some of them twice.",
    ]


def test_truths_are_smoothed_as_the_cfg_says() -> None:
    assert [truth.tolist() for truth in truths_of(SAMPLES, network(CFG))] == [[1, 0], [0, 1], [0, 1]]
    smooth = truths_of(SAMPLES, network(CFG.replace("[net]", "[net]\nlabel_smooth_eps=0.25")))
    assert [truth.tolist() for truth in smooth] == [[0.75, 0.25], [0.25, 0.75], [0.25, 0.75]]


TREE = "round -1\nangular -1\ndisc 0\noval 0\nsquare 1\nbox 1\n"


def with_tree(folder: Path, more: str = "") -> Graph:
    (folder / "kinds.tree").write_text(TREE)
    text = CFG.replace("filters=2", "filters=6").replace("[softmax]", f"[softmax]\ntree={folder / 'kinds.tree'}")
    return network(text.replace("[net]", f"[net]\n{more}"))


def test_in_a_tree_a_leaf_is_what_is_above_it_too_and_other_groups_say_nothing(tmp_path: Path) -> None:
    graph = with_tree(tmp_path)
    data = by_nodes(SHAPES, graph)
    assert data.names == ("round", "angular", "disc", "oval", "square", "box")
    assert data.training is not None
    assert data.training.classes == ((2,), (4,), (4,))
    assert data.validation is None
    rows = smoothed_truths(np.eye(6, dtype=np.float32)[[2, 4]], graph)
    assert rows.tolist() == [[1, 0, 1, 0, 0, 0], [0, 1, 0, 0, 1, 0]]
    smooth = smoothed_truths(np.eye(6, dtype=np.float32)[[2]], with_tree(tmp_path, "label_smooth_eps=0.25\n"))
    assert smooth.tolist() == [[0.75, 0.25, 0.75, 0.25, 0, 0]]
    findings = Findings()
    check_classifier(graph, data, findings)
    assert [warning.found for warning in findings.warnings] == [
        "3 training pictures", "no training picture of oval, box",
    ]  # fmt: skip
    assert by_nodes(data, graph) is data
    with pytest.raises(DataError, match="pictures of star, expected classes that are in the tree"):
        by_nodes(replace(SHAPES, names=("disc", "star")), graph)


def test_counts_of_many_classes_are_summed_up() -> None:
    assert counts_text(SAMPLES, ("disc", "square")) == "3 pictures in 2 classes: 1 disc, 2 square"
    names = tuple(f"class {number}" for number in range(11))
    assert counts_text(SAMPLES, names) == "3 pictures in 11 classes: from 0 class 2 to 2 class 1"
    pair = Samples(("a.png", "b.png"), ((0,), (1,)))
    assert counts_text(pair, ("disc", "square")) == "2 pictures in 2 classes: 1 of each: disc, square"
    many = Samples(("a.png",) * 50_000, tuple((number % 1000,) for number in range(50_000)))
    assert counts_text(many, tuple(map(str, range(1000)))) == "50,000 pictures in 1,000 classes: 50 of each"


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


def test_weights_for_other_classes_fill_the_layers_before(tmp_path: Path) -> None:
    text = "[net]\nmax_batches=9\nwidth=4\nheight=4\nchannels=3\n"
    text += "[convolutional]\nbatch_normalize=1\nfilters=5\nsize=3\npad=1\n"
    text += "[convolutional]\nfilters={}\n[avgpool]\n[softmax]\n"
    source, target, fresh = (network(text.format(classes)) for classes in (10, 2, 2))
    for graph, seed in ((source, 1), (target, 2), (fresh, 2)):
        initial_weights(graph, seed)
    path, findings = tmp_path / "ten.weights", Findings()
    write_weights(path, source, seen=64)
    report = read_what_fits(path, target, seed=2, findings=findings)
    assert (report.seen, report.layers_loaded) == (64, 1)
    for index, expected in enumerate((source, fresh)):
        for name, values in target.nodes[index].weights.items():
            np.testing.assert_array_equal(values, expected.nodes[index].weights[name])
    (warning,) = findings.warnings
    assert str(warning) == (
        f"{path}: weights for 10 classes, expected 2 as in the network. "
        "Layer 1 begins anew, the layers before are taken."
    )
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(WeightsError):
        read_what_fits(path, target, seed=2, findings=findings)


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
    training = Training(graph, plain=True)
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


def test_weights_of_a_longer_network_fill_this_one_with_a_warning(tmp_path: Path) -> None:
    """TRAIN-031; where only the arrays of a batch normalization are too many it is the cfg that is wrong."""
    text = CFG[: CFG.index("[dropout]")]
    shorter, longer = network(f"{text}[avgpool]\n[softmax]\n"), network(CFG)
    for graph, seed in ((shorter, 1), (longer, 2)):
        initial_weights(graph, seed)
    path, findings = tmp_path / "longer.weights", Findings()
    write_weights(path, longer)
    report = read_what_fits(path, shorter, seed=1, findings=findings)
    assert report.layers_loaded == 3
    for node in shorter.nodes:
        for name, values in node.weights.items():
            np.testing.assert_array_equal(values, longer.nodes[node.index].weights[name])
    (warning,) = findings.warnings
    assert str(warning).startswith(f"{path}: the 136 bytes after layer 6 are not those of the next layers.")
    with pytest.raises(WeightsError, match="not those of the next layers"):
        read_what_fits(path, shorter, seed=1, findings=Findings(strict=True))
    without = network(CFG.replace("batch_normalize=1\nfilters=8", "filters=8"))
    with pytest.raises(WeightsError, match=r"as many as the batch-norm arrays of layer 0"):
        read_what_fits(path, without, seed=1, findings=Findings())


def test_a_network_that_needs_more_memory_than_there_is_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """TRAIN-025"""
    graph, findings = network(CFG), Findings()
    check_memory(memory_estimate(graph), graph, findings)
    assert findings.warnings == []
    monkeypatch.setattr(beginning, "memory_left", lambda: 5 << 20)
    check_memory(300 << 20, graph, findings)
    (warning,) = findings.warnings
    assert str(warning).startswith(
        "net.cfg:3:14: [net]: an iteration needs about 300 MB of memory, expected at most the 5 MB that are free. "
    )
