"""Sections become layers wired into a graph; the plain run."""

from __future__ import annotations

import weakref
from pathlib import Path

import numpy as np
import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.dialect import PJREDDIE
from darknetpy.errors import ConfigError, Findings
from darknetpy.graph import INPUT, Graph, LayerStates, Node, build_graph, check_graph, initial_weights
from tests import reference

pytestmark = pytest.mark.quick
NET = """[net]
width=9
height=7
channels=2

[convolutional]
filters=4
size=3
pad=1
activation=leaky

[conv]
filters=4
size=3
pad=1
activation=linear

[shortcut]
from=-2
activation=leaky

[maxpool]
size=2
stride=2

[route]
layers=-1,-1

[avgpool]

[connected]
output=3
activation=linear

[softmax]
"""


def graph_of(text: str = NET, seed: int = 1) -> Graph:
    graph = build_graph(parse_cfg(text, "net.cfg"), findings=Findings(strict=True))
    initial_weights(graph, seed)
    return graph


def random_batch(graph: Graph, n: int = 2) -> np.ndarray:
    return np.random.default_rng(0).random((n, *graph.input_shape))


def test_nodes_know_their_place() -> None:
    graph = graph_of()
    assert graph.input_shape == (2, 7, 9)
    assert [node.type for node in graph.nodes] == [
        "convolutional", "convolutional", "shortcut", "maxpool", "route", "avgpool", "connected", "softmax",
    ]  # fmt: skip
    assert [node.sources for node in graph.nodes] == [(INPUT,), (0,), (1, 0), (2,), (3, 3), (4,), (5,), (6,)]
    assert [node.output_shape for node in graph.nodes] == [
        (4, 7, 9), (4, 7, 9), (4, 7, 9), (4, 4, 5), (8, 4, 5), (8, 1, 1), (3, 1, 1), (3,),
    ]  # fmt: skip
    assert graph.nodes[2].input_shapes == ((4, 7, 9), (4, 7, 9))
    assert graph.nodes[1].options.filters == 4
    assert graph.output_index == 7
    assert graph.tree is None


def test_parameters_and_flops_add_up() -> None:
    graph = graph_of()
    convolutions = (4 + 4 * 2 * 9) + (4 + 4 * 4 * 9)
    assert [node.parameters for node in graph.nodes if node.parameters] == [76, 148, 27]
    assert graph.parameters == convolutions + 27
    assert graph.flops == sum(node.flops for node in graph.nodes)
    assert graph.nodes[0].flops == 2 * 4 * 2 * 9 * 63


def test_run_is_layer_after_layer() -> None:
    graph = graph_of()
    batch = random_batch(graph)
    outputs = graph.run(batch, range(len(graph.nodes)))

    def convolved(index: int, x: np.ndarray) -> np.ndarray:
        weights = graph.nodes[index].weights
        return reference.add_biases(reference.convolve(x, weights["weights"], padding=1), weights["biases"])

    first = reference.activate("leaky", convolved(0, batch))
    both = reference.activate("leaky", reference.add_shortcut(convolved(1, first), first))
    pooled = reference.max_pool(both, 2, (2, 2), 1)
    averages = reference.average_pool(np.concatenate([pooled, pooled], axis=1))
    connected = graph.nodes[6].weights
    sums = reference.add_biases(reference.connect(averages, connected["weights"]), connected["biases"])
    expected = reference.softmax_in_groups(sums.reshape(2, 3), [(0, 3)])
    for index, values in ((0, first), (2, both), (3, pooled), (5, averages), (7, expected)):
        np.testing.assert_allclose(outputs[index], values, rtol=1e-10, atol=1e-12)


def test_run_returns_what_is_wanted() -> None:
    graph = graph_of()
    batch = random_batch(graph)
    every = graph.run(batch, range(len(graph.nodes)))
    assert set(graph.run(batch)) == {7}
    found = graph.run(batch, [3, 0])
    assert set(found) == {0, 3}
    assert all(np.array_equal(found[index], every[index]) for index in found)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_run_keeps_the_dtype(dtype: type[np.floating]) -> None:
    graph = graph_of()
    outputs = graph.run(random_batch(graph).astype(dtype), range(len(graph.nodes)))
    assert {output.dtype for output in outputs.values()} == {np.dtype(dtype)}


def test_last_uses_tell_when_a_value_can_be_let_go() -> None:
    graph = graph_of()
    assert graph.last_uses([7]) == {INPUT: 0, 0: 2, 1: 2, 2: 3, 3: 4, 4: 5, 5: 6, 6: 7}
    assert graph.last_uses([0, 7]) == {INPUT: 0, 1: 2, 2: 3, 3: 4, 4: 5, 5: 6, 6: 7}
    aside = graph_of("[net]\ninputs=2\n[connected]\n[connected]\n[route]\nlayers=0\n")
    assert aside.last_uses([2]) == {INPUT: 0, 0: 2, 1: 1}


def test_run_lets_go_of_values_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of("[net]\ninputs=4\n" + "[activation]\nactivation=logistic\n" * 6)
    outputs: list[weakref.ref[np.ndarray]] = []
    alive: list[int] = []
    advance = Node.advance

    def watched(node: Node, inputs: list[np.ndarray], states: LayerStates) -> np.ndarray:
        alive.append(sum(output() is not None for output in outputs))
        result = advance(node, inputs, states)
        outputs.append(weakref.ref(result))
        return result

    monkeypatch.setattr(Node, "advance", watched)
    graph.run(np.ones((1, 4)))
    assert alive == [0, 1, 1, 1, 1, 1]


def test_a_node_runs_by_itself() -> None:
    graph = graph_of()
    batch = random_batch(graph)
    assert np.array_equal(graph.nodes[0].forward(batch), graph.run(batch, [0])[0])


def test_inputs_without_a_picture() -> None:
    graph = graph_of("[net]\ninputs=5\n[connected]\noutput=2\nactivation=linear\n")
    assert graph.input_shape == (5,)
    assert graph.run(np.ones((3, 5)))[0].shape == (3, 2, 1, 1)


def test_dialect_reaches_the_layers() -> None:
    graph = build_graph(parse_cfg(NET + "[dropout]\n"), dialect=PJREDDIE)
    assert graph.nodes[-1].options.probability == 0.5
    assert graph.dialect is PJREDDIE


def test_another_size_shares_layers_and_weights() -> None:
    graph = graph_of(NET.replace("output=3", "output=8"))
    larger = graph.resized(20, 30)
    assert larger.input_shape == (2, 20, 30)
    assert larger.nodes[3].output_shape == (4, 10, 15)
    assert larger.nodes[0].weights is graph.nodes[0].weights
    assert larger.run(random_batch(larger))[7].shape == (2, 8)
    assert graph.nodes[3].output_shape == (4, 4, 5)


def test_another_size_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="the output would be"):
        graph_of("[net]\nwidth=9\nheight=9\nchannels=1\n[conv]\nsize=5\n").resized(4, 9)


@pytest.mark.parametrize("section", ["[connected]\n", "[local]\nsize=3\n"])
def test_another_size_that_the_weights_do_not_fit_is_refused(section: str) -> None:
    graph = graph_of(f"[net]\nwidth=9\nheight=9\nchannels=1\n{section}")
    with pytest.raises(ConfigError, match="a picture of 12x9 would need biases") as caught:
        graph.resized(9, 12)
    assert (caught.value.layer, caught.value.section) == (0, section[1:].split("]")[0])


def test_initial_weights_depend_on_the_seed_only() -> None:
    one, same, other = graph_of(seed=1), graph_of(seed=1), graph_of(seed=2)
    for index in (0, 1, 6):
        weights = [graph.nodes[index].weights["weights"] for graph in (one, same, other)]
        assert np.array_equal(weights[0], weights[1])
        assert not np.array_equal(weights[0], weights[2])
        assert weights[0].dtype == np.float32


def test_initial_weights_are_uniform_within_their_bound() -> None:
    net = "[net]\nwidth=8\nheight=8\nchannels=8\n"
    graph = graph_of(net + "[conv]\nfilters=64\nsize=3\nbatch_normalize=1\n[connected]\noutput=50\n")
    for node, inputs in zip(graph.nodes, (72, 64 * 6 * 6), strict=True):
        largest, bound = float(np.abs(node.weights["weights"]).max()), (2 / inputs) ** 0.5
        assert 0.98 * bound < largest <= bound
        assert not node.weights["biases"].any()
    assert (graph.nodes[0].weights["scales"] == 1).all()
    assert not graph.nodes[0].weights["rolling_mean"].any()
    assert not graph.nodes[0].weights["rolling_variance"].any()


CONV = "[convolutional]\nfilters=3\nsize=3\npad=1\nactivation=linear\n"
PICTURE = "[net]\nwidth=8\nheight=8\nchannels=3\n"


def test_shared_arrays_are_the_very_same() -> None:
    graph = graph_of(PICTURE + CONV + CONV + "share_index=0\n" + CONV + "share_index=-1\n")
    assert graph.nodes[1].weights is graph.nodes[0].weights
    assert graph.nodes[2].weights is graph.nodes[0].weights
    assert graph.nodes[1].arrays == ()
    assert graph.parameters == 3 + 81


def test_a_tree_is_found_on_the_last_layer_that_has_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.tree").write_text("x -1\ny -1\nz 0\n")
    monkeypatch.chdir(tmp_path)
    graph = graph_of("[net]\ninputs=3\n[softmax]\ntree=a.tree\n[cost]\n")
    assert graph.tree is not None
    assert graph.tree.names == ("x", "y", "z")


def refusal(text: str, *, findings: Findings | None = None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        build_graph(parse_cfg(text, "net.cfg"), findings=findings)
    return caught.value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("foo", "net.cfg:10: [foo] layer 1: unknown section [foo], expected a section of Darknet."),
        ("maxpol", "net.cfg:10: [maxpol] layer 1: unknown section [maxpol]. Did you mean [maxpool]?"),
        ("Maxpool", "Section names are case sensitive: did you mean [maxpool]?"),
        ("YOLO", "Section names are case sensitive: did you mean [yolo]?"),
        ("net", "net.cfg:10: [net] layer 1: a second [net], expected one [net], at the top."),
        ("network", "a second [network], expected one [net]"),
    ],
)
def test_unknown_sections_are_refused_by_name(name: str, text: str) -> None:
    assert text in str(refusal(f"{PICTURE}{CONV}[{name}]\n"))


@pytest.mark.parametrize("name", ["implicit_add", "implicit_mul", "shift_channels", "control_channels_2d", "jde"])
def test_sections_of_other_programs_are_refused_with_their_origin(name: str) -> None:
    error = refusal(f"{PICTURE}{CONV}[{name}]\n")
    assert error.found == f"[{name}] is a section of YOLOR (WongKinYiu/yolor, for PyTorch)"
    assert (error.expected, error.line) == ("a section of Darknet", 10)


def test_a_network_without_layers_is_refused() -> None:
    assert refusal(PICTURE).found == "no layers"


@pytest.mark.parametrize("name", ["convolutional", "maxpool", "avgpool", "local_avgpool", "reorg", "crop", "batchnorm"])
def test_layers_that_need_a_picture_say_so(name: str) -> None:
    options = "crop_height=1\ncrop_width=1\n" if name == "crop" else ""
    error = refusal(f"{PICTURE}[softmax]\n[{name}]\n{options}")
    assert error.found == "layer 0 [softmax] gives 192 values without height or width"
    assert (error.line, error.section, error.layer) == (6, name, 1)


def test_a_flat_network_input_is_no_picture() -> None:
    error = refusal("[net]\ninputs=12\n" + CONV)
    assert error.found == "the network's input is flat"
    assert error.remedy == "Write width, height and channels in [net]"


@pytest.mark.parametrize(
    ("text", "gigabytes"),
    [
        ("[net]\nwidth=100000\nheight=100000\nchannels=3\n" + CONV, 112),
        (PICTURE + CONV + CONV.replace("filters=3", "filters=200000000"), 69),
        (PICTURE + "[connected]\noutput=100000000\n", 72),
    ],
)
def test_absurd_sizes_are_refused_before_anything_is_allocated(text: str, gigabytes: int) -> None:
    error = refusal(text)
    assert error.found.startswith(f"this needs {gigabytes} GiB")
    assert error.expected == "at most 16 GiB in one layer"


@pytest.mark.parametrize(
    ("second", "found", "expected"),
    [
        (CONV.replace("size=3", "size=1"), "layer 0 has biases 3, weights 3x3x3x3", "biases 3, weights 3x3x1x1"),
        (CONV + "batch_normalize=1\n", "layer 0 has biases 3, weights 3x3x3x3",
         "biases 3, scales 3, rolling_mean 3, rolling_variance 3, weights 3x3x3x3"),
    ],
)  # fmt: skip
def test_shared_arrays_must_agree(second: str, found: str, expected: str) -> None:
    error = refusal(PICTURE + CONV + second + "share_index=0\n")
    assert (error.found, error.expected, error.option) == (found, expected, "share_index")


def test_arrays_of_another_type_cannot_be_shared() -> None:
    error = refusal(PICTURE + "[maxpool]\n" + CONV + "share_index=0\n")
    assert (error.found, error.expected) == ("layer 0 is [maxpool]", "a [convolutional]")


def test_a_route_of_different_sizes_needs_flat_readers() -> None:
    joined = PICTURE + CONV + CONV + "stride=2\n[route]\nlayers=0,1\n"
    assert refusal(joined).found == "the inputs have different sizes (layer 0 is 3x8x8, layer 1 is 3x4x4)"
    graph = graph_of(joined + "[connected]\noutput=2\n")
    assert graph.nodes[2].output_shape == (240,)


def test_remarks_become_warnings_or_errors_when_strict() -> None:
    text = PICTURE + CONV + CONV.replace("filters=3", "filters=5") + "[shortcut]\nfrom=0\n"
    findings = Findings()
    build_graph(parse_cfg(text), findings=findings)
    assert [warning.found for warning in findings.warnings] == ["layer 1 is 5x8x8, layer 0 3x8x8"]
    assert refusal(text, findings=Findings(strict=True)).option == "from"


def test_check_lists_all_errors() -> None:
    text = (
        PICTURE + CONV + "[maxpool]\nsize=0\n" + CONV + "groups=2\n[foo]\n[route]\nlayers=9\n"
        "[dropout]\nprobability=.5\n[connected]\noutput=x\n"
    )
    findings = Findings(collect=True)
    assert check_graph(parse_cfg(text, "net.cfg"), findings) is None
    places = [(error.section, error.layer) for error in findings.errors]
    assert places == [("maxpool", 1), ("foo", 3), ("route", 4), ("connected", 6)]


def test_check_gives_the_graph_where_nothing_is_wrong() -> None:
    findings = Findings(collect=True)
    graph = check_graph(parse_cfg(NET), findings)
    assert graph is not None
    assert len(graph.nodes) == 8
    assert findings.errors == []


@pytest.mark.parametrize(
    "section",
    [
        "[maxpool]\nsize=50000\nstride=50000",
        "[maxpool]\nsize=2\nstride=100000\npadding=200000",
        "[convolutional]\nsize=1\nstride=100000\npadding=100000",
        "[local_avgpool]\nsize=50000\nstride=50000",
        "[convolutional]\nfilters=2000000000\nsize=3",
        "[connected]\noutput=2000000000",
    ],
)
def test_what_would_not_fit_in_memory_is_refused_before_it_is_tried(section: str) -> None:
    cfg = parse_cfg(f"[net]\nwidth=32\nheight=32\nchannels=3\n{section}\n", "large.cfg")
    with pytest.raises(ConfigError, match=r"large.cfg:5: \[\w+\] layer 0: this needs \d+ GiB"):
        build_graph(cfg)
