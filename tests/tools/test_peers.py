"""The same network in the forms of other runtimes gives the same answers (needs what the extra bench installs)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.networks import assert_agrees, network, pictures
from tools.peers.networks import NotConvertible, answers, converted_nodes, meeting, pool_padding

CLASSIFIER = """
convolutional filters=16 size=3 pad=1 batch_normalize=1 activation=leaky
maxpool size=2 stride=2
convolutional filters=24 size=3 stride=2 pad=1 activation=mish
convolutional filters=24 size=3 pad=1 groups=4 activation=swish
shortcut from=-2 activation=relu
maxpool size=2 stride=1
maxpool size=5 stride=1
route layers=-1,-3
route layers=-1 groups=2 group_id=1
upsample stride=2
convolutional filters=8 size=5 pad=1 dilation=2 activation=relu6
shortcut from=-10
avgpool
convolutional filters=8 size=1 activation=logistic
scale_channels from=-3
dropout
connected output=9 activation=linear
softmax temperature=2
cost
"""
DETECTOR = """
convolutional filters=14 size=3 stride=4 pad=1 activation=linear
yolo mask=0,1 anchors=9,9,5,5 classes=2 num=2
route layers=0
upsample stride=2
convolutional filters=14 size=1 activation=logistic
yolo mask=0,1 anchors=9,9,5,5 classes=2 num=2
"""
BOTH = pytest.mark.parametrize("lines", [CLASSIFIER, DETECTOR], ids=["classifier", "detector"])


@BOTH
def test_onnx(lines: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    from tools.peers.onnx_file import write_onnx

    graph = network(lines, height=24, width=28)
    batch = pictures(graph, 2)
    write_onnx(tmp_path / "network.onnx", graph, len(batch))
    session = onnxruntime.InferenceSession(tmp_path / "network.onnx", providers=["CPUExecutionProvider"])
    assert_agrees(dict(zip(answers(graph), session.run(None, {"input": batch}), strict=True)), graph, batch)


@BOTH
@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_torch(lines: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from tools.peers.torch_module import write_torchscript

    graph = network(lines, height=24, width=28)
    batch = pictures(graph, 2)
    write_torchscript(tmp_path / "network.pt", graph, len(batch))
    found = torch.jit.load(str(tmp_path / "network.pt"))(torch.from_numpy(batch))
    assert_agrees({index: x.numpy() for index, x in zip(answers(graph), found, strict=True)}, graph, batch)


def test_detectors_answer_with_what_their_heads_read() -> None:
    graph = network(DETECTOR, height=24, width=28)
    assert answers(graph) == [0, 4]
    assert [node.index for node in converted_nodes(graph)] == [0, 2, 3, 4]
    assert answers(network(CLASSIFIER, height=24, width=28)) == [17]


def test_padding_of_a_window_that_reaches_beyond_one_side() -> None:
    node = network("maxpool size=2 stride=1", height=6, width=7).nodes[0]
    assert pool_padding(node) == (0, 0, 1, 1)


def test_a_shortcut_of_unequal_shapes() -> None:
    lines = "convolutional filters=5 activation=linear\nconvolutional filters=8 stride=2\nshortcut from=0"
    assert meeting(network(lines, height=8, width=8).nodes[2]) == [(2, 5, 3)]


@pytest.mark.parametrize(
    "line", ["softmax groups=3", "upsample stride=2 scale=.5", "convolutional antialiasing=1 stride=2"]
)
def test_what_cannot_be_said_is_refused(line: str) -> None:
    with pytest.raises(NotConvertible, match=r"layer 0 \["):
        converted_nodes(network(line, height=6, width=6))
