"""Messages that say what kind of wrong a file is."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from darknetpy.errors import WeightsError
from darknetpy.graph import Graph
from darknetpy.weights.forensics import may_have_more_layers, wrong_content, wrong_header
from darknetpy.weights.layout import layout, total_values
from darknetpy.weights.official_sizes import OFFICIAL_SIZES
from darknetpy.weights.reader import read_weights
from tests.detection.networks import two_heads
from tests.weights.networks import BASE, base_file, graph_of, header


def refusal(data: bytes, graph: Graph | None = None, sizes: Mapping[str, int] = OFFICIAL_SIZES) -> WeightsError:
    with pytest.raises(WeightsError) as caught:
        read_weights(data, graph or graph_of(), known_sizes=sizes)
    return caught.value


def file_of(text: str) -> bytes:
    """A file of the right length for a cfg."""
    return header() + bytes(4 * graph_of(text).parameters)


def test_the_place_of_a_cut_is_in_the_fields_of_the_error() -> None:
    error = refusal(base_file()[:60])
    assert (error.section, error.layer) == ("convolutional", 0)
    assert error.found == "cut off in rolling_mean: the file ends at byte 60"
    assert error.expected == "4 values at byte 52 and 25144 bytes in all"


def test_a_cut_between_layers_names_the_upto_that_loads_the_file() -> None:
    text = BASE.replace("[connected]", "[dropout]\n\n[connected]")
    data = base_file()[:556]
    error = refusal(data, graph_of(text))
    assert error.found == "the file ends at byte 556, after layer 1: 2 of 3 layers with weights"
    upto = int(re.search(r"upto=(\d+)", error.remedy)[1])  # type: ignore[index]
    assert upto == 2
    assert read_weights(data, graph_of(text), upto=upto).layers_loaded == 2


@pytest.mark.parametrize("classes", [1, 2, 4, 1000])
def test_a_file_for_another_number_of_classes_is_recognised(classes: int) -> None:
    error = refusal(file_of(BASE.replace("output=3", f"output={classes}")))
    expected = f"It fits this network with {classes} classes instead of 3 ({classes} outputs of layer 2)"
    assert error.remedy == expected


def test_classes_of_a_convolutional_classifier_are_recognised() -> None:
    text = BASE.replace("[connected]\noutput=3\nactivation=linear\n", "[convolutional]\nfilters=10\n[avgpool]\n")
    error = refusal(file_of(text.replace("filters=10", "filters=100")), graph_of(text))
    assert error.remedy == "It fits this network with 100 classes instead of 10 (100 outputs of layer 2)"


def test_no_classes_are_made_up_where_the_output_is_a_picture() -> None:
    text = BASE[: BASE.index("[connected]")]
    error = refusal(file_of(text.replace("filters=2", "filters=5")), graph_of(text))
    assert "classes" not in str(error)


@pytest.mark.parametrize("header_bytes", [16, 20])
def test_the_size_of_a_known_network_is_named(header_bytes: int) -> None:
    data = header((0, 1, 0) if header_bytes == 16 else (0, 2, 0), size=header_bytes) + bytes(40)
    error = refusal(data, sizes={"other": 80, "pocket-yolo": 60})
    assert "This is the size of pocket-yolo" in error.remedy


def test_official_sizes_are_known_without_asking() -> None:
    text = "[net]\nwidth=1\nheight=1\nchannels=1\n[convolutional]\n"
    data = header() + bytes(OFFICIAL_SIZES["tiny"] - 20)
    assert "This is the size of tiny" in refusal(data, graph_of(text)).remedy


def test_missing_batch_normalization_is_recognised() -> None:
    error = refusal(base_file(), graph_of(BASE.replace("batch_normalize=1\n", "")))
    assert error.found == "the file has 25144 bytes, 48 too many"
    assert error.remedy == (
        "The 12 values too many are as many as the batch-norm arrays of layer 0: "
        "is batch_normalize=1 missing from the cfg?"
    )


def test_batch_normalization_too_much_is_recognised() -> None:
    error = refusal(base_file(), graph_of(BASE.replace("size=1\n", "size=1\nbatch_normalize=1\n")))
    assert error.remedy == (
        "The 6 values missing are as many as the batch-norm arrays of layer 1: "
        "is batch_normalize=1 too much in the cfg?"
    )


def test_batch_normalization_missing_from_every_layer_is_recognised() -> None:
    every = "[net]\nwidth=8\nheight=8\nchannels=3\n" + "[convolutional]\nfilters=5\nsize=3\nbatch_normalize=1\n" * 3
    error = refusal(file_of(every), graph_of(every.replace("batch_normalize=1\n", "")))
    assert "The 45 values too many are as many as the batch-norm arrays of layers 0, 1, 2:" in error.remedy


def test_a_cfg_with_fewer_layers_is_recognised() -> None:
    longer = BASE.replace("[connected]", "[convolutional]\nfilters=2\nsize=1\n[connected]")
    cfg = BASE.replace("filters=2\nsize=1", "filters=2\nsize=3\npad=1")  # 74 values; the surplus below is 2 times 74
    data = file_of(cfg) + bytes(4 * 2 * 74)
    assert len(file_of(longer)) > len(base_file())
    remedy = refusal(data, graph_of(cfg)).remedy
    assert remedy == "The rest is as long as layer 1 [convolutional] 2 times: does the cfg have fewer layers?"


def test_what_may_be_a_longer_network_is_told_from_damage_and_from_normalization() -> None:
    text = "[net]\nwidth=8\nheight=8\nchannels=3\n" + "[convolutional]\nfilters=5\nsize=3\n" * 3
    slots = layout(graph_of(text))
    right = total_values(slots)
    assert [surplus for surplus in range(-5, 60) if may_have_more_layers(slots, right + surplus)] == [
        surplus for surplus in range(6, 60) if surplus not in (15, 45)
    ]
    assert not may_have_more_layers((), 100)


def test_a_file_with_what_dontload_leaves_out_is_recognised() -> None:
    error = refusal(base_file(), graph_of(BASE.replace("size=1\n", "size=1\ndontload=1\n")))
    assert error.remedy.startswith("The rest is as long as what dontload=,")


@pytest.mark.parametrize(("version", "size", "fitting"), [((0, 2, 0), 16, 16), ((0, 1, 0), 20, 20)])
def test_a_header_of_the_other_length_is_recognised(version: tuple[int, int, int], size: int, fitting: int) -> None:
    error = refusal(base_file(version, size=size))
    assert f"With a header of {fitting} bytes it would fit" in error.remedy


def test_a_network_without_weights_takes_a_header_only() -> None:
    error = refusal(base_file(), graph_of("[net]\ninputs=4\n[softmax]\n"))
    assert (error.found, error.expected) == ("the file has 25144 bytes, 25124 too many", "20 bytes")


def test_nothing_is_made_up_where_nothing_fits() -> None:
    assert refusal(base_file() + bytes(4)).remedy == "Is this the weights file of this cfg?"


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"404: Not Found", "text that begins with '404: Not Found' (did a download fail?)"),
        (b"Access denied\r\nnext line", "text that begins with 'Access denied' (did a download fail?)"),
        (b"{\x22message\x22: 1}" + b" " * 500, "text that begins with"),
        (BASE.encode(), "a Darknet cfg file"),
    ],
)
def test_text_is_quoted(head: bytes, says: str) -> None:
    error = wrong_content(head, "a.weights")
    assert error is not None
    assert says in error.found
    assert error.path == "a.weights"


def test_good_beginnings_are_not_suspected() -> None:
    for version in ((0, 0, 0), (0, 1, 0), (0, 2, 5), (1, 0, 0), (1001, 0, 0), (0, 1001, 0)):
        assert wrong_header(base_file(version)[:512], 25144, None) is None
        assert wrong_content(base_file(version)[:512], None) is None


@pytest.mark.parametrize("classes", [1, 4, 80])
def test_classes_of_a_detector_are_recognised(classes: int) -> None:
    error = refusal(file_of(two_heads(classes, classes)), graph_of(two_heads()))
    outputs = 2 * (5 + classes)
    expected = f"It fits this network with {classes} classes instead of 3 ({outputs} outputs of layer 4)"
    assert error.remedy == expected


def test_classes_of_a_first_yolo_are_recognised() -> None:
    text = "[net]\ninputs=5\n[connected]\noutput={}\n[detection]\ncoords=4\nside=2\nnum=1\nclasses={}\n"
    error = refusal(file_of(text.format(4 * (20 + 5), 20)), graph_of(text.format(36, 4)))
    assert error.remedy == "It fits this network with 20 classes instead of 4 (100 outputs of layer 0)"


def test_no_classes_are_made_up_where_heads_differ() -> None:
    assert "classes" not in str(refusal(file_of(two_heads(9, 9)), graph_of(two_heads(3, 1))))
