"""Names, types and outputs of layers as OpenCV 4.14 gave them for the same sections."""

from __future__ import annotations

import numpy as np
import pytest

from darknetpy.compat.opencv_layers import LayerOfOpenCV, forms_of_outputs, layers_of_opencv, outputs
from darknetpy.config.sections import parse_cfg
from darknetpy.graph import Graph, build_graph, initial_weights

NET = "[net]\nwidth=16\nheight=12\nchannels=3\n"
PLAIN = "[convolutional]\nfilters=4\nsize=3\npad=1\nactivation=linear\n"
YOLO = "[convolutional]\nfilters=12\nactivation=linear\n[yolo]\nmask=0,2\nanchors=1,2, 3,4, 5,6\nclasses=1\nnum=3\n"
REGION = "[convolutional]\nfilters=12\nactivation=linear\n[region]\nanchors=1,2, 3,4\nclasses=1\nnum=2\nsoftmax=1\n"
CASES = {
    "batch normalization and activation": (
        PLAIN.replace("linear", "leaky") + "batch_normalize=1\n" + PLAIN,
        "conv_0 Convolution, bn_0 BatchNorm, leaky_1 ReLU, conv_1 Convolution",
        "conv_1",
    ),
    "activations": (
        "".join(PLAIN.replace("linear", name) for name in ("relu", "mish", "swish", "logistic", "tanh")),
        "conv_0 Convolution, relu_1 ReLU, conv_1 Convolution, mish_2 Mish, conv_2 Convolution, swish_3 Swish, "
        "conv_3 Convolution, logistic_4 Sigmoid, conv_4 Convolution, tanh_5 TanH",
        "tanh_5",
    ),
    "a classifier's end": (
        PLAIN + "[maxpool]\nsize=2\nstride=2\n[avgpool]\n[dropout]\n[softmax]\n[cost]\n",
        "conv_0 Convolution, pool_1 Pooling, avgpool_2 Pooling, identity_3 Identity, softmax_4 Softmax, "
        "identity_5 Identity",
        "identity_5",
    ),
    "fully connected": (
        PLAIN + "[connected]\noutput=3\nbatch_normalize=1\nactivation=leaky\n",
        "conv_0 Convolution, fullyConnected_1 InnerProduct, bn_1 BatchNorm, leaky_2 ReLU",
        "leaky_2",
    ),
    "a shortcut with an activation": (
        PLAIN + PLAIN + "[shortcut]\nfrom=-2\nactivation=leaky\n" + PLAIN,
        "conv_0 Convolution, conv_1 Convolution, shortcut_2 Eltwise, leaky_3 ReLU, conv_3 Convolution",
        "conv_3",
    ),
    "attention": (
        PLAIN + PLAIN + "[sam]\nfrom=-2\nactivation=leaky\n[avgpool]\n[scale_channels]\nfrom=-2\nactivation=relu\n",
        "conv_0 Convolution, conv_1 Convolution, sam_2 Eltwise, leaky_3 ReLU, avgpool_3 Pooling, "
        "scale_channels_4 Scale, relu_5 ReLU",
        "relu_5",
    ),
    "reshaping": (
        PLAIN + "[reorg]\nstride=2\n[upsample]\nstride=2\n",
        "conv_0 Convolution, reorg_1 Reorg, upsample_2 Resize",
        "upsample_2",
    ),
    "routes": (
        PLAIN + "[route]\nlayers=0\n[route]\nlayers=-1,-2\n[route]\nlayers=-1\ngroups=2\ngroup_id=1\n",
        "conv_0 Convolution, identity_1 Identity, concat_2 Concat, slice_3 Slice",
        "slice_3",
    ),
    "a route of parts takes more numbers": (
        PLAIN + PLAIN + "[route]\nlayers=-1,-2\ngroups=2\ngroup_id=1\n" + PLAIN,
        "conv_0 Convolution, conv_1 Convolution, slice_2 Slice, slice_3 Slice, concat_4 Concat, conv_5 Convolution",
        "conv_5",
    ),
    "a crop takes two numbers": (
        "[crop]\ncrop_width=8\ncrop_height=8\n" + PLAIN.replace("linear", "leaky") + PLAIN,
        "crop_0 Slice, adjust_crop_1 Scale, conv_2 Convolution, leaky_3 ReLU, conv_3 Convolution",
        "conv_3",
    ),
    "a crop without adjustment takes one": (
        "[crop]\ncrop_width=8\ncrop_height=8\nnoadjust=1\n" + PLAIN,
        "crop_0 Slice, conv_1 Convolution",
        "conv_1",
    ),
    "two heads": (
        PLAIN + YOLO + "[route]\nlayers=0\n" + YOLO,
        "conv_0 Convolution, conv_1 Convolution, permute_2 Permute, yolo_2 Region, identity_3 Identity, "
        "conv_4 Convolution, permute_5 Permute, yolo_5 Region",
        "yolo_2 yolo_5",
    ),
    "an older head": (REGION, "conv_0 Convolution, permute_1 Permute, detection_out Region", "detection_out"),
    "a section that OpenCV does not read": (
        PLAIN + "[l2norm]\n",
        "conv_0 Convolution, l2norm_1 l2norm",
        "l2norm_1",
    ),
}


def graph_of(text: str) -> Graph:
    graph = build_graph(parse_cfg(NET + text))
    initial_weights(graph, 3)
    return graph


@pytest.mark.parametrize(("text", "expected", "last"), CASES.values(), ids=CASES)
def test_names_types_and_outputs(text: str, expected: str, last: str) -> None:
    graph = graph_of(text)
    layers = layers_of_opencv(graph)
    assert ", ".join(f"{layer.name} {layer.type}" for layer in layers) == expected
    assert " ".join(layers[number - 1].name for number in outputs(graph, layers)) == last


def run(graph: Graph, layer: LayerOfOpenCV, x: np.ndarray) -> np.ndarray:
    """The output of a part of a section, from the plain run of what it needs."""
    values = graph.run(x, [index for index in layer.needed if index >= 0]) | {-1: x}
    assert layer.partly is not None
    return layer.partly([values[index] for index in layer.needed])


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(5).random((2, 3, 12, 16))


def test_parts_of_a_convolution(x: np.ndarray) -> None:
    graph = graph_of("[convolutional]\nfilters=2\nbatch_normalize=1\nactivation=leaky\n")
    weights = graph.nodes[0].weights
    for name in ("biases", "scales", "rolling_mean", "rolling_variance"):
        weights[name][:] = np.random.default_rng(1).random(2) + 0.5
    convolution, normalization, activation = layers_of_opencv(graph)
    bare = np.einsum("nchw,fc->nfhw", x, weights["weights"][:, :, 0, 0].astype(np.float64))
    np.testing.assert_allclose(run(graph, convolution, x), bare, atol=1e-12)
    mean, variance, scales, biases = (blob.reshape(-1, 1, 1).astype(np.float64) for blob in normalization.blobs)
    normal = (bare - mean) / np.sqrt(variance + 1e-5) * scales + biases
    np.testing.assert_allclose(run(graph, normalization, x), normal, atol=1e-12)
    assert activation.partly is None
    assert activation.needed == (0,)
    np.testing.assert_allclose(graph.run(x)[0], np.where(normal > 0, normal, 0.1 * normal), atol=1e-12)


def test_parts_of_a_crop_and_of_a_route(x: np.ndarray) -> None:
    graph = graph_of("[crop]\ncrop_width=8\ncrop_height=8\n[route]\nlayers=0,-1\ngroups=3\ngroup_id=2\n")
    crop, _, first, second, joined = layers_of_opencv(graph)
    assert np.array_equal(run(graph, crop, x), x[:, :, 2:10, 4:12])
    adjusted = 2 * x[:, :, 2:10, 4:12] - 1
    for part in (first, second):
        np.testing.assert_allclose(run(graph, part, x), adjusted[:, 2:], atol=1e-12)
    assert joined.partly is None


def test_a_permuted_head_has_pixels_first(x: np.ndarray) -> None:
    graph = graph_of(REGION)
    permuted = layers_of_opencv(graph)[1]
    assert np.array_equal(run(graph, permuted, x), graph.run(x, [0])[0].transpose(0, 2, 3, 1))


def test_forms_of_outputs_without_a_picture() -> None:
    connected = graph_of(PLAIN + "[connected]\noutput=3\nactivation=linear\n[dropout]\n[softmax]\n")
    assert forms_of_outputs(connected) == dict.fromkeys((1, 2, 3), (-1,))
    pooled = graph_of(PLAIN + "[avgpool]\n[softmax]\n[cost]\n")
    assert forms_of_outputs(pooled) == dict.fromkeys((1, 2, 3), (-1, 1, 1))
    assert forms_of_outputs(graph_of(PLAIN)) == {}
