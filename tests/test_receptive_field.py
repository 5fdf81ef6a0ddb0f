"""How much of the picture a value sees, compared with pictures in which single rows and columns are changed."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.config.sections import parse_cfg
from darknetpy.graph import Graph, build_graph, initial_weights
from darknetpy.receptive_field import Field, receptive_fields

SIDE = 41


def graph_of(*sections: str, side: int = SIDE) -> Graph:
    text = f"[net]\nwidth={side}\nheight={side}\nchannels=2\n"
    text += "".join("\n".join(section.split()) + "\n" for section in sections)
    graph = build_graph(parse_cfg(text))
    initial_weights(graph)
    return graph


def seen(graph: Graph, axis: int) -> int:
    """The span of rows (axis 2) or columns (axis 3) of the input that the middle value of the output depends on."""
    random = np.random.default_rng(1)
    base = random.standard_normal((1, 2, SIDE, SIDE))
    out_h, out_w = graph.nodes[-1].output_shape[1:]

    def middle(picture: np.ndarray) -> np.ndarray:
        return graph.run(picture)[graph.output_index][0, :, out_h // 2, out_w // 2]

    plain, changing = middle(base), []
    for line in range(SIDE):
        for size in (100.0, -100.0):
            picture = base.copy()
            np.moveaxis(picture, axis, 0)[line] += size * random.standard_normal((1, 2, SIDE))
            if not np.array_equal(middle(picture), plain):
                changing.append(line)
    return max(changing) - min(changing) + 1


CONV3 = "[convolutional] filters=3 size=3 stride=1 pad=1 activation=linear"
CONV6 = "[convolutional] filters=3 size=6 activation=linear"
NETWORKS = {
    "one filter": ([CONV3], Field(3, 3, 1, 1)),
    "two filters": ([CONV3, CONV3], Field(5, 5, 1, 1)),
    "pooling doubles what comes after": ([CONV3, "[maxpool] size=2 stride=2", CONV3], Field(8, 8, 2, 2)),
    "strides": (["[convolutional] size=5 stride=2 pad=1 activation=linear", CONV3], Field(9, 9, 2, 2)),
    "dilation": (["[convolutional] size=3 dilation=3 pad=1 activation=linear", CONV3], Field(9, 9, 1, 1)),
    "unequal strides": (["[convolutional] size=3 stride_x=2 stride_y=1 pad=1 activation=linear", CONV3],
                        Field(5, 7, 1, 2)),
    "upsampling halves what comes after": ([CONV3, "[maxpool] size=2 stride=2", CONV3, "[upsample]", CONV3],
                                           Field(10, 10, 1, 1)),
    "downsampling": ([CONV6, "[upsample] stride=-3", CONV3], Field(14, 14, 3, 3)),
    "pixels to channels": ([CONV6, "[reorg3d] stride=2", CONV3], Field(11, 11, 2, 2)),
    "filters of every place": (["[local] size=3 stride=2 activation=linear", CONV3], Field(7, 7, 2, 2)),
    "dropout sees one value": ([CONV3, "[dropout]", CONV3], Field(5, 5, 1, 1)),
    "route sees the widest": ([CONV3, CONV3, "[route] layers=-1,-2", CONV3], Field(7, 7, 1, 1)),
    "shortcut sees the widest": ([CONV3, CONV3, "[shortcut] from=-2 activation=linear"], Field(5, 5, 1, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_fields_are_what_changes_the_output(name: str) -> None:
    sections, field = NETWORKS[name]
    graph = graph_of(*sections)
    assert receptive_fields(graph)[-1] == field
    assert (seen(graph, 2), seen(graph, 3)) == (field.height, field.width)


def test_layers_that_see_everything_stay_so() -> None:
    graph = graph_of(CONV3, "[avgpool]", "[softmax]", "[connected] output=2")
    assert receptive_fields(graph) == [Field(3, 3, 1, 1), None, None, None]


def test_a_flat_softmax_sees_everything() -> None:
    assert receptive_fields(graph_of(CONV3, "[softmax]"))[1] is None


def test_every_layer_has_an_entry_in_order() -> None:
    graph = graph_of(CONV3, "[maxpool] size=2 stride=2", CONV3)
    assert receptive_fields(graph) == [Field(3, 3, 1, 1), Field(4, 4, 2, 2), Field(8, 8, 2, 2)]
