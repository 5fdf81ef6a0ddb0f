"""The table of layers: numbers by hand for a small network, widths, JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from darknetpy.config.sections import parse_cfg, read_cfg
from darknetpy.graph import Graph, build_graph
from darknetpy.summary import Summary, activation_bytes

BRANCHED = """[net]
width=16
height=12
channels=3

[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky

[convolutional]
filters=4
size=1
activation=linear

[route]
layers=-1,0

[maxpool]
size=2
stride=2

[avgpool]

[softmax]
temperature=2
"""
CHAIN = "[net]\ninputs=4\n[connected]\noutput=2\nactivation=linear\n[softmax]\n"


def graph_of(text: str) -> Graph:
    return build_graph(parse_cfg(text))


def drawn(summary: Summary, width: int, **settings: object) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None, **settings)  # type: ignore[arg-type]
    with console.capture() as captured:
        console.print(summary)
    return captured.get().splitlines()


def test_rows_hold_what_the_cfg_says_and_what_follows_from_it() -> None:
    first, second, route, pool, average, softmax = Summary(graph_of(BRANCHED)).rows
    assert first.short == "8 x 3x3 / 2, pad 1, bn, leaky"
    assert first.options == {
        "batch_normalize": True, "filters": 8, "size": 3, "stride": 2, "pad": True, "activation": "leaky",
    }  # fmt: skip
    assert first.output_shape == (8, 6, 8)
    assert first.parameters == 8 * 3 * 9 + 4 * 8
    assert first.flops == 2 * 8 * 3 * 9 * 6 * 8
    assert first.receptive_field == (3, 3)
    assert first.follows
    assert second.short == "4 x 1x1, linear"
    assert (route.short, route.sources, route.output_shape) == ("layers -1, 0", (1, 0), (12, 6, 8))
    assert not route.follows
    assert (pool.short, pool.receptive_field) == ("2x2 / 2", (5, 5))
    assert (average.short, average.receptive_field) == ("", None)
    assert (softmax.short, softmax.output_shape) == ("temperature 2", (12,))


def test_totals() -> None:
    totals = Summary(graph_of(BRANCHED)).totals
    parameters = (8 * 27 + 4 * 8) + (4 * 8 + 4)
    assert totals.layers == 6
    assert totals.parameters == parameters
    assert totals.weights_bytes == 20 + 4 * parameters
    assert totals.flops == sum(row.flops for row in Summary(graph_of(BRANCHED)).rows)


def test_activations_are_counted_while_they_are_needed() -> None:
    picture, first, second, route, pool = 3 * 12 * 16, 8 * 48, 4 * 48, 12 * 48, 12 * 12
    # the first layer's output stays until the route has read it
    alive = [picture + first, first + second, first + second + route, route + pool]
    assert activation_bytes(graph_of(BRANCHED)) == 4 * max(alive)
    assert activation_bytes(graph_of(CHAIN)) == 4 * (4 + 2)


def test_text_of_a_small_network() -> None:
    lines = str(Summary(graph_of(CHAIN))).splitlines()
    assert lines == [
        "#  type       options           output  parameters  MFLOPs  receptive field",
        "0  connected  output 2, linear  2x1x1           10    0.00      whole input",
        "1  softmax                      2                0    0.00      whole input",
        "",
        "input         4",
        "layers        2",
        "parameters    10",
        "weights file  60 bytes",
        "operations    0.000 GFLOPs a picture",
        "activations   24 bytes a picture, held at once",
    ]


def test_numbers_have_thousands_separators() -> None:
    text = str(Summary(graph_of("[net]\ninputs=1000\n[connected]\noutput=2000\nactivation=linear\n")))
    assert "2,002,000" in text
    assert "8,008,020 bytes" in text


def test_where_inputs_come_from_is_shown_when_it_is_not_the_layer_before() -> None:
    header, *rows = str(Summary(graph_of(BRANCHED))).splitlines()
    column = header.index("from")
    assert rows[2][column:].startswith("1, 0 ")
    assert rows[1][column] == " "
    assert "from" not in str(Summary(graph_of(CHAIN)))


def test_text_is_whole_however_wide_it_gets() -> None:
    many = ",".join(str(-1 - index) for index in range(300))
    layers = "[convolutional]\nfilters=1\nactivation=linear\n" * 300
    text = str(Summary(graph_of(f"[net]\nwidth=4\nheight=4\nchannels=1\n{layers}[route]\nlayers={many}\n")))
    assert f"layers {many.replace(',', ', ')}" in text
    assert len(text.splitlines()) == 1 + 301 + 7


@pytest.mark.parametrize("width", [200, 100, 80, 60, 40])
def test_a_terminal_gets_whole_rows_of_as_many_columns_as_fit(width: int) -> None:
    graph = graph_of(BRANCHED)
    lines = drawn(Summary(graph), width)
    assert max(map(len, lines)) <= width
    header, *rows = lines[: 1 + len(graph.nodes)]
    assert ("receptive field" in header) == (width >= 100)
    assert ("options" in header) == (width >= 60)
    assert all(title in header for title in ("#", "type", "output"))
    assert [row.split()[:2] for row in rows] == [[str(node.index), node.type] for node in graph.nodes]
    assert [shape in row for row, shape in zip(rows, ["8x6x8", "4x6x8", "12x6x8"], strict=False)] == [True] * 3


def test_options_that_are_cut_say_so() -> None:
    text = "[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nfilters=100\nsize=3\nbatch_normalize=1\npad=1\n"
    assert "…" in drawn(Summary(graph_of(text)), 60)[1]
    wide = drawn(Summary(graph_of(text)), 120)[1]
    assert "100 x 3x3, pad 1, bn, logistic " in wide


def test_json_is_the_same_as_the_rows() -> None:
    summary = Summary(graph_of(BRANCHED))
    document = json.loads(summary.to_json())
    assert list(document) == ["network", "input_shape", "layers", "totals"]
    assert document["network"] is None
    assert document["input_shape"] == [3, 12, 16]
    assert document["layers"][2]["options"] == {"layers": [-1, 0]}
    assert document["layers"][2]["sources"] == [1, 0]
    assert [layer["receptive_field"] for layer in document["layers"][3:]] == [[5, 5], None, None]
    assert document["totals"]["parameters"] == summary.totals.parameters


@pytest.mark.parametrize(
    ("section", "short"),
    [
        ("[convolutional]\nfilters=6\nsize=3\nstride_x=2\npad=1\ngroups=3\nactivation=mish",
         "6 x 3x3 / 1x2, pad 1, mish, groups 3"),
        ("[convolutional]\nfilters=2\nsize=3\ndilation=2\npad=1", "2 x 3x3, pad 2, logistic, dilation 2"),
        ("[convolutional]\nfilters=2\nactivation=relu\nlearning_rate=2\nstream=1", "2 x 1x1, relu"),
        ("[maxpool]\nsize=3\nstride=1\npadding=2", "3x3, padding 2"),
        ("[maxpool]\nmaxpool_depth=1\nout_channels=1", "maxpool_depth"),
        ("[local_avgpool]\nsize=2\nstride=2", "2x2 / 2"),
        ("[connected]\noutput=10\nactivation=relu", "output 10, relu"),
        ("[dropout]\nprobability=.5", "probability 0.5"),
        ("[avgpool]", ""),
    ],
)  # fmt: skip
def test_options_in_short(section: str, short: str) -> None:
    graph = graph_of(f"[net]\nwidth=8\nheight=8\nchannels=3\n[convolutional]\nfilters=3\n{section}\n")
    assert graph.nodes[-1].layer.short() == short


def test_tiny_has_the_known_totals(shared: Path) -> None:
    summary = Summary(build_graph(read_cfg(shared / "data/models/tiny/tiny.cfg")))
    assert summary.totals.parameters == 1_046_488
    # its file has a header of 16 bytes
    assert summary.totals.weights_bytes == (shared / "data/models/tiny/tiny.weights").stat().st_size + 4
    assert round(summary.totals.flops / 1e9, 3) == 0.985
