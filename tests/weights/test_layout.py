"""Where arrays stand in a file, from the graph alone."""

from __future__ import annotations

from darknetpy.weights.layout import layers_text, layout, nodes_of, total_bytes, total_values
from tests.weights.networks import BASE, BASE_SIZES, BASE_VALUES, graph_of


def places(text: str, upto: int | None = None, *, saving: bool = False) -> list[tuple[int, str]]:
    return [(slot.node.index, slot.array.name) for slot in layout(graph_of(text), upto, saving=saving)]


def test_arrays_follow_each_other_in_file_order() -> None:
    slots = layout(graph_of())
    assert {(slot.node.index, slot.array.name): slot.values for slot in slots} == BASE_SIZES
    assert [slot.offset for slot in slots] == [0, *(slot.end for slot in slots[:-1])]
    assert (total_values(slots), total_bytes(slots)) == (BASE_VALUES, 25144 - 20)
    assert [node.index for node in nodes_of(slots)] == [0, 1, 2]


def test_connected_layers_have_their_matrix_before_the_batch_norm_arrays() -> None:
    text = "[net]\ninputs=4\n[connected]\noutput=2\nbatch_normalize=1\n"
    names = ["biases", "weights", "scales", "rolling_mean", "rolling_variance"]
    assert places(text) == [(0, name) for name in names]


def test_upto_counts_layers_not_layers_with_weights() -> None:
    assert places(BASE, upto=1) == list(BASE_SIZES)[:5]
    assert places(BASE, upto=3) == places(BASE, upto=4) == list(BASE_SIZES)


def test_dontload_leaves_a_layer_out() -> None:
    text = BASE.replace("size=1\n", "size=1\ndontload=1\n")
    expected = [place for place in BASE_SIZES if place[0] != 1]
    assert places(text) == places(text, saving=True) == expected


def test_dontsave_leaves_a_layer_out_of_saving_only() -> None:
    text = BASE.replace("size=1\n", "size=1\ndontsave=1\n")
    assert places(text) == list(BASE_SIZES)
    assert places(text, saving=True) == [place for place in BASE_SIZES if place[0] != 1]


def test_dontloadscales_leaves_the_batch_norm_arrays_out() -> None:
    text = BASE.replace("batch_normalize=1\n", "batch_normalize=1\ndontloadscales=1\n")
    assert places(text)[:2] == [(0, "biases"), (0, "weights")]


def test_numload_shortens_every_array_of_the_layer() -> None:
    slots = layout(graph_of(BASE.replace("filters=4\n", "filters=4\nnumload=3\n")))
    assert [slot.values for slot in slots[:5]] == [3, 3, 3, 3, 3 * 27]


def test_shared_arrays_stand_in_the_file_once() -> None:
    text = "[net]\nwidth=4\nheight=4\nchannels=2\n" + "[convolutional]\nfilters=2\n" * 2 + "share_index=0\n"
    assert places(text) == [(0, "biases"), (0, "weights")]


def test_sizes_beyond_31_bits_are_right() -> None:
    text = "[net]\nwidth=1\nheight=1\nchannels=32768\n[convolutional]\nfilters=65536\n"
    assert total_values(layout(graph_of(text))) == 2**31 + 65536


def test_a_network_without_weights_takes_no_bytes() -> None:
    slots = layout(graph_of("[net]\ninputs=4\n[softmax]\n"))
    assert (slots, total_values(slots), total_bytes(slots)) == ((), 0, 0)


def test_layers_are_named_and_long_lists_cut() -> None:
    nodes = graph_of("[net]\ninputs=4\n" + "[connected]\n" * 10).nodes
    assert layers_text(nodes[:1]) == "layer 0"
    assert layers_text(nodes[1:3]) == "layers 1, 2"
    assert layers_text(nodes) == "layers 0, 1, 2, 3, 4, 5, 6, 7 and 2 more"
