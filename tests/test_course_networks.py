"""The networks of our own that come without weights, to be trained: their tables, headers, and that they learn."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest

from darknetpy.config.names import read_names
from darknetpy.config.sections import read_cfg
from darknetpy.config.shipped import shipped_networks
from darknetpy.errors import Findings
from darknetpy.graph import Graph, build_graph, initial_weights
from darknetpy.training.step import Training

OURS = [
    "course-28x28-32-64-128", "course-28x28-4-8-16", "course-32x32-32-64-64", "densenet-32x32", "resnet-32x32",
    "separable-32x32", "shapes", "vgg-32x32",
]  # fmt: skip
FIELDS = ("Network", "Design", "Parameters", "Data", "Classes", "Train")
FEWEST, MOST = 100_000, 2_000_000  # parameters of the four small forms of famous networks
MOST_UPDATES = 60
every_network = pytest.mark.parametrize("name", OURS)


@cache
def graph_of(name: str) -> Graph:
    return build_graph(read_cfg(shipped_networks()[name].cfg), findings=Findings(strict=True), training=True)


def table(name: str) -> list[tuple[str, tuple[int, ...], int]]:
    """Type, shape of the output and parameters of each layer."""
    return [(node.type, node.output_shape, node.parameters) for node in graph_of(name).nodes]


def test_grey_pictures_32_64_128() -> None:
    assert table("course-28x28-32-64-128") == [
        ("convolutional", (32, 26, 26), 320),
        ("maxpool", (32, 13, 13), 0),
        ("convolutional", (64, 11, 11), 18_496),
        ("maxpool", (64, 5, 5), 0),
        ("convolutional", (128, 3, 3), 73_856),
        ("connected", (10, 1, 1), 11_530),
        ("softmax", (10,), 0),
    ]


def test_grey_pictures_4_8_16() -> None:
    assert table("course-28x28-4-8-16") == [
        ("convolutional", (4, 26, 26), 40),
        ("maxpool", (4, 13, 13), 0),
        ("convolutional", (8, 11, 11), 296),
        ("maxpool", (8, 5, 5), 0),
        ("convolutional", (16, 3, 3), 1_168),
        ("connected", (32, 1, 1), 4_640),
        ("connected", (10, 1, 1), 330),
        ("softmax", (10,), 0),
    ]


def test_colour_pictures_32_64_64() -> None:
    assert table("course-32x32-32-64-64") == [
        ("convolutional", (32, 30, 30), 896),
        ("maxpool", (32, 15, 15), 0),
        ("convolutional", (64, 13, 13), 18_496),
        ("maxpool", (64, 6, 6), 0),
        ("convolutional", (64, 4, 4), 36_928),
        ("connected", (64, 1, 1), 65_600),
        ("connected", (10, 1, 1), 650),
        ("softmax", (10,), 0),
    ]


def test_a_pooling_of_the_courses_leaves_the_last_row_out() -> None:
    """Nothing is added to the picture: the odd row is thrown away, and each value is one of those in its own window."""
    pool = graph_of("course-28x28-32-64-128").nodes[3].layer
    x = np.random.default_rng(0).standard_normal((2, 64, 11, 11)).astype(np.float32)
    expected = x[:, :, :10, :10].reshape(2, 64, 5, 2, 5, 2).max(axis=(3, 5))
    np.testing.assert_array_equal(pool.forward([x]), expected)


@pytest.mark.parametrize("name", [name for name in OURS if name.endswith("-32x32")])
def test_small_forms_of_famous_networks(name: str) -> None:
    graph = graph_of(name)
    assert graph.input_shape == (3, 32, 32)
    assert FEWEST <= graph.parameters <= MOST


def test_each_has_what_gives_its_kind_the_name() -> None:
    def counts(name: str, what: str) -> int:
        return sum(node.type == what for node in graph_of(name).nodes)

    separable = [node for node in graph_of("separable-32x32").nodes if node.options.get("groups", 1) > 1]
    assert len(separable) == 6
    assert all(node.options.groups == node.input_shapes[0][0] == node.options.filters for node in separable)
    assert counts("resnet-32x32", "shortcut") == 9
    assert counts("resnet-32x32", "convolutional") + counts("resnet-32x32", "connected") == 20 + 2
    assert counts("densenet-32x32", "route") == 15
    assert {node.options.size for node in graph_of("vgg-32x32").nodes if node.type == "convolutional"} == {3}


@every_network
def test_trainable_as_it_stands(name: str) -> None:
    graph = graph_of(name)
    net = graph.net
    assert graph.nodes[-1].type == "softmax"
    assert {"batch", "learning_rate", "policy", "max_batches", "max_crop"} <= net.given
    assert net.batch == 64
    assert net.min_crop == net.width <= net.max_crop, "pictures of the network's own size are not enlarged without need"


@every_network
def test_a_few_updates_lower_the_loss(name: str) -> None:
    """On eight pictures, with the rate that the burn-in has come to."""
    graph = build_graph(read_cfg(shipped_networks()[name].cfg), training=True)
    initial_weights(graph, seed=1)
    training = Training(graph, seed=1)
    training.begin_at(graph.net.burn_in * graph.net.batch)
    random = np.random.default_rng(2)
    x = random.random((8, *graph.input_shape), np.float32)
    truth = np.eye(10, dtype=np.float32)[np.arange(8)]
    losses = (training.step([(x, truth)]).loss for _ in range(MOST_UPDATES))
    first = next(losses)
    assert any(loss < 0.8 * first for loss in losses)


@every_network
def test_the_header_says_what_it_is(name: str) -> None:
    graph, network = graph_of(name), shipped_networks()[name]
    head = network.cfg.read_text("ascii").split("\n\n")[0]
    assert re.findall(r"^# (\w+): ", head, re.MULTILINE) == list(FIELDS)
    channels, height, width = graph.input_shape
    assert f"# Network: classifier of 10 classes, {width}x{height}x{channels}\n" in head
    parameters = re.search(r"# Parameters: (?:.* = )?([\d,]+)(?: |$)", head, re.MULTILINE)
    assert parameters
    assert parameters[1] == f"{graph.parameters:,}"
    assert f"# Train: darknetpy train {name} " in head
    assert network.weights is None
    assert network.names is not None
    assert len(read_names(network.names, Findings())) == graph.classes == 10


@pytest.mark.parametrize("name", [name for name in OURS if name.startswith("course-")])
def test_the_header_adds_the_parameters_of_its_layers_up(name: str) -> None:
    parts = " + ".join(f"{node.parameters:,}" for node in graph_of(name).nodes if node.parameters)
    assert f"# Parameters: {parts} = {graph_of(name).parameters:,}\n" in shipped_networks()[name].cfg.read_text()


@every_network
def test_the_header_counts_passes(name: str) -> None:
    """Where it says how many passes the iterations are, they are about so many."""
    text = " ".join(line.strip("# ") for line in shipped_networks()[name].cfg.read_text().split("\n\n")[0].splitlines())
    net, drawn = graph_of(name).net, re.search(r"([\d,]+) pictures to learn from", text)
    one = re.search(r"One pass over ([\d,]+) pictures is ([\d,]+) iterations", text)
    passes = re.search(r"(?:these|These) are (\d+) passes", text)
    assert passes
    pictures = int((one or drawn)[1].replace(",", ""))  # type: ignore[index]
    if one:
        assert int(one[2].replace(",", "")) == -(-pictures // net.batch)
    assert net.max_batches * net.batch / pictures == pytest.approx(int(passes[1]), abs=0.2)
