"""Every row WGT-... of the catalogue of bad inputs, through the functions that read weights.

Where the design decides otherwise than the catalogue (a file that is too long or ends at a layer's end is an error when
running; ``allow_damaged`` makes it a warning), the design is what is tested.
"""

from __future__ import annotations

import gzip
import io
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from darknetpy.errors import ConfigError, DarknetpyWarning, Findings, WeightsError
from darknetpy.graph import initial_weights
from darknetpy.weights.reader import LoadReport, read_weights
from darknetpy.weights.writer import write_weights
from tests.weights.catalogue import row, save
from tests.weights.networks import BASE, BASE_SIZES, BASE_VALUES, base_file, graph_of, header, start_of, values

ARRAYS = list(BASE_SIZES)
TYPES = {0: "convolutional", 1: "convolutional", 2: "connected"}
HTML = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head>" + b" " * 4000
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"ab" * 32 + b"\nsize 248007048\n"


def refusal(path: str | os.PathLike[str], text: str = BASE, **options: object) -> WeightsError:
    with pytest.raises(WeightsError) as caught:
        read_weights(path, graph_of(text), **options)  # type: ignore[arg-type]
    error = caught.value
    assert error.path == os.fspath(path)
    assert error.remedy
    assert "\n" not in str(error)
    return error


def acceptance(path: Path, text: str = BASE, **options: object) -> tuple[LoadReport, list[DarknetpyWarning]]:
    findings = Findings()
    report = read_weights(path, graph_of(text), findings=findings, **options)  # type: ignore[arg-type]
    return report, findings.warnings


def zip_archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("model/data.pkl", bytes(5000))
    return stream.getvalue()


def numpy_array() -> bytes:
    stream = io.BytesIO()
    np.save(stream, values())
    return stream.getvalue()


@pytest.mark.parametrize(
    ("length", "says"),
    [
        row(1, 0, "empty file"),
        row(2, 1, "header cut off: 1 bytes, expected 16 or 20 bytes"),
        row(3, 3, "header cut off: 3 bytes, expected 16 or 20 bytes"),
        row(4, 11, "header cut off: 11 bytes, expected 16 or 20 bytes"),
        row(5, 12, "header cut off: 12 bytes, expected 20 bytes (version 0.2)"),
        row(6, 16, "header cut off: 16 bytes, expected 20 bytes (version 0.2)"),
        row(7, 19, "header cut off: 19 bytes, expected 20 bytes (version 0.2)"),
        row(8, 20, "no weights after the header (20 bytes), expected 25144 bytes"),
    ],
)
def test_a_file_without_weights_is_refused(tmp_path: Path, length: int, says: str) -> None:
    assert says in str(refusal(save(tmp_path, base_file()[:length])))


@pytest.mark.parametrize("length", [row(8, 20)])
def test_a_header_is_enough_for_a_network_without_weights(tmp_path: Path, length: int) -> None:
    path = save(tmp_path, base_file()[:length])
    assert acceptance(path, "[net]\ninputs=4\n[softmax]\n")[0].parameters == 0


@pytest.mark.parametrize("place", [row(9 + number, place) for number, place in enumerate(ARRAYS)])
def test_a_file_cut_off_before_an_array_is_refused(tmp_path: Path, place: tuple[int, str]) -> None:
    layer, name = place
    byte = start_of(*place)
    path = save(tmp_path, base_file()[:byte])
    error = refusal(path)
    assert f"{byte}" in error.found
    assert "25144 bytes" in error.expected
    if place == (0, "biases"):
        assert error.found.startswith("no weights after the header")
    elif name == "biases":
        assert f"after layer {layer - 1}: {layer} of 3 layers with weights" in error.found
        assert f"upto={layer}" in error.remedy
        assert "classes" not in error.remedy
        assert acceptance(path, upto=layer)[0].layers_loaded == layer
    else:
        assert (error.section, error.layer) == (TYPES[layer], layer)
        assert error.found == f"cut off before {name}: the file ends at byte {byte}"
        assert error.expected.startswith(f"{BASE_SIZES[place]} values at byte {byte}")
    _, warnings = acceptance(path, allow_damaged=True)
    assert warnings[0].found == error.found


@pytest.mark.parametrize("place", [row(18 + number, place) for number, place in enumerate(ARRAYS)])
def test_a_file_cut_off_inside_an_array_is_refused(tmp_path: Path, place: tuple[int, str]) -> None:
    layer, name = place
    begin = start_of(*place)
    byte = begin + BASE_SIZES[place] * 4 // 2 + 1
    path = save(tmp_path, base_file()[:byte])
    error = refusal(path)
    assert (error.section, error.layer) == (TYPES[layer], layer)
    assert error.found == f"cut off in {name}: the file ends at byte {byte}"
    assert error.expected == f"{BASE_SIZES[place]} values at byte {begin} and 25144 bytes in all"
    report, warnings = acceptance(path, allow_damaged=True)
    assert report.parameters == (byte - 20) // 4
    assert warnings[0].found == error.found


@pytest.mark.parametrize("surplus", [row(27, 1), row(27, 4), row(27, 10**6)])
def test_surplus_bytes_are_counted(tmp_path: Path, surplus: int) -> None:
    path = save(tmp_path, base_file() + bytes(surplus))
    error = refusal(path)
    assert error.found == f"the file has {25144 + surplus} bytes, {surplus} too many"
    report, warnings = acceptance(path, allow_damaged=True)
    assert (report.parameters, warnings[0].found) == (BASE_VALUES, error.found)


@pytest.mark.parametrize("times", [row(27, 1), row(27, 2)])
def test_a_surplus_as_long_as_a_layer_hints_at_missing_layers(tmp_path: Path, times: int) -> None:
    error = refusal(save(tmp_path, base_file() + bytes(times * 4 * 124)))
    assert "The rest is as long as layer 0 [convolutional]" in error.remedy
    assert "does the cfg have fewer layers?" in error.remedy


@pytest.mark.parametrize(
    ("data", "says"),
    [
        row(28, HTML, "an HTML page (did a download fail?)"),
        row(29, LFS, "a Git LFS pointer"),
        row(30, zip_archive(), "a ZIP archive (PyTorch"),
        row(30, gzip.compress(base_file()), "a gzip archive"),
        row(30, b"\x89HDF\r\n\x1a\n" + bytes(5000), "an HDF5 file (Keras)"),
        row(30, struct.pack("<Q", 500) + b'{"a":{"dtype":"F32"' + b" " * 600, "a safetensors file"),
        row(30, b"\x08\x07\x12\x07pytorch" + bytes(5000), "an ONNX model"),
        row(30, b"\x80\x02\x8a\x0al\xfc\x9c" + bytes(5000), "a Python pickle (old PyTorch)"),
        row(30, numpy_array(), "a NumPy array"),
    ],
)
@pytest.mark.parametrize("allow_damaged", [False, True])
def test_another_kind_of_file_is_named(tmp_path: Path, data: bytes, says: str, allow_damaged: bool) -> None:
    error = refusal(save(tmp_path, data), allow_damaged=allow_damaged)
    assert error.found.startswith(f"this is {says}")
    assert ("git lfs pull" in error.remedy) == (data is LFS)


@pytest.mark.parametrize("outputs", [row(31, 5)])
def test_weights_of_a_larger_network_are_refused(tmp_path: Path, outputs: int) -> None:
    data = header() + values(BASE_VALUES + (outputs - 3) * 2049).tobytes()
    error = refusal(save(tmp_path, data))
    assert "16392 too many" in error.found
    assert "5 classes instead of 3" in error.remedy


@pytest.mark.parametrize("allow_damaged", [row(31, True)])
def test_values_of_a_larger_network_are_looked_at_too(tmp_path: Path, allow_damaged: bool) -> None:
    numbers = values(BASE_VALUES + 99)
    numbers[12:16] *= -1
    _, warnings = acceptance(save(tmp_path, header() + numbers.tobytes()), allow_damaged=allow_damaged)
    assert "396 too many" in warnings[0].found
    assert "below 0 in rolling_variance: 4" in warnings[1].found


@pytest.mark.parametrize("count", [row(32, 1000)])
def test_weights_of_a_smaller_network_are_refused(tmp_path: Path, count: int) -> None:
    error = refusal(save(tmp_path, header() + values(count).tobytes()))
    assert "cut off in weights" in error.found
    assert "is this the weights file of this cfg?" in error.remedy


OTHER_CFG = BASE.replace("batch_normalize=1\n", "").replace(
    "[convolutional]", "[convolutional]\nfilters=3\n[convolutional]", 1
)


@pytest.mark.parametrize("seed", [row(33, 1)])
def test_weights_of_another_network_of_the_same_size_have_impossible_values(tmp_path: Path, seed: int) -> None:
    other = graph_of(OTHER_CFG)
    initial_weights(other)
    for node in other.nodes[1:3]:
        node.weights["biases"][:] = np.random.default_rng(seed).standard_normal(node.weights["biases"].shape)
    path = tmp_path / "other.weights"
    write_weights(path, other)
    assert path.stat().st_size == 25144
    error = refusal(path)
    assert (error.layer, error.section) == (0, "convolutional")
    assert "values below 0 in rolling_variance" in error.found


@pytest.mark.parametrize("value", [row(33, 2e6)])
def test_very_large_values_are_suspicious(tmp_path: Path, value: float) -> None:
    numbers = values()
    numbers[200] = value
    _, warnings = acceptance(save(tmp_path, header() + numbers.tobytes()))
    assert [(warning.layer, warning.found) for warning in warnings] == [
        (2, "values beyond a million: 1, the first in weights")
    ]


@pytest.mark.parametrize(
    ("version", "seen"), [row(34, (0, 1, 0), 2**32 - 1), row(35, (0, 0, 0), 12), row(36, (1001, 0, 0), 12)]
)
def test_old_versions_are_read(tmp_path: Path, version: tuple[int, int, int], seen: int) -> None:
    graph = graph_of()
    report = read_weights(save(tmp_path, base_file(version, seen, 16)), graph)
    assert (report.version, report.seen, report.header_bytes) == (version, seen, 16)
    matrix = values()[-6144:]
    expected = matrix.reshape(2048, 3).T if version[0] > 1000 else matrix.reshape(3, 2048)
    assert np.array_equal(graph.nodes[2].weights["weights"], expected)


@pytest.mark.parametrize("major", [row(37, -1), row(37, 2**31 - 1), row(37, 1100)])
@pytest.mark.parametrize("allow_damaged", [False, True])
def test_impossible_versions_are_refused(tmp_path: Path, major: int, allow_damaged: bool) -> None:
    for version in ((major, 2, 0), (0, major, 0)):
        error = refusal(save(tmp_path, base_file(version)), allow_damaged=allow_damaged)
        assert error.found.startswith("not a Darknet weights file: version")


@pytest.mark.parametrize("seen", [row(38, 2**63)])
def test_a_count_of_pictures_beyond_63_bits_counts_as_0(tmp_path: Path, seen: int) -> None:
    report, warnings = acceptance(save(tmp_path, base_file(seen=seen)))
    assert report.seen == 0
    assert "9223372036854775808 pictures seen" in warnings[0].found
    assert acceptance(save(tmp_path, base_file(seen=seen - 1)))[0].seen == 2**63 - 1


@pytest.mark.parametrize("version", [row(39, (0, 2, 5))])
def test_a_big_endian_file_is_recognised(tmp_path: Path, version: tuple[int, int, int]) -> None:
    data = struct.pack(">iiiQ", *version, 0) + values().astype(">f4").tobytes()
    assert "in reverse order" in refusal(save(tmp_path, data)).found


@pytest.mark.parametrize("value", [row(40, np.nan), row(41, np.inf)])
def test_values_that_are_not_finite_are_counted(tmp_path: Path, value: float) -> None:
    numbers = values()
    numbers[[130, 131, 6000]] = value
    path = save(tmp_path, header() + numbers.tobytes())
    _, (warning,) = acceptance(path)
    assert (warning.layer, warning.found) == (1, "values that are not finite: 3, the first in weights")
    assert refusal(path, findings=Findings(strict=True)).found == warning.found


@pytest.mark.parametrize("value", [row(42, -0.5)])
def test_a_negative_variance_is_refused(tmp_path: Path, value: float) -> None:
    numbers = values()
    numbers[13] = value
    error = refusal(save(tmp_path, header() + numbers.tobytes()))
    assert (error.layer, error.found) == (0, "values below 0 in rolling_variance: 1 in all")


@pytest.mark.parametrize("count", [row(43, 25144)])
def test_a_file_of_zeros_is_suspicious(tmp_path: Path, count: int) -> None:
    _, (warning,) = acceptance(save(tmp_path, header() + bytes(count - 20)))
    assert warning.found == "all weights are zero"


@pytest.mark.parametrize("name", [row(44, "no such file.weights")])
def test_a_missing_file_is_reported(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal(tmp_path / name).found == "no such weights file"
    monkeypatch.chdir(tmp_path)
    assert str(tmp_path) in refusal(name).remedy
    assert refusal(f"{name}\0").found == "a name that no file can have"


@pytest.mark.parametrize("name", [row(45, "folder")])
def test_a_directory_is_reported(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    assert refusal(tmp_path / name).found == "is a directory"
    with pytest.raises(WeightsError, match="is not a regular file"):
        read_weights("/dev/zero", graph_of())


@pytest.mark.parametrize("mode", [row(46, 0o000)])
def test_an_unreadable_file_is_reported(folder_of_ordinary_user: Path, mode: int) -> None:
    path = save(folder_of_ordinary_user, base_file())
    path.chmod(mode)
    assert "cannot read the weights file: Permission denied" in refusal(path).found


@pytest.mark.parametrize("length", [row(47, 30000), row(47, 600), row(47, 25144)])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, length: int) -> None:
    path, graph = save(tmp_path, base_file(seen=2**63)), graph_of()

    class Meddler(Findings):
        """Changes the file when it hears of the count, which is before the arrays are read."""

        def warning(self, warning: DarknetpyWarning, error_class: type = ConfigError) -> None:
            os.truncate(path, length)
            os.utime(path, ns=(10**18, 10**18))

    with pytest.raises(WeightsError, match="the file changed while it was read"):
        read_weights(path, graph, findings=Meddler())
    assert graph.nodes[0].weights == {}


@pytest.mark.parametrize(
    ("option", "missing"),
    [
        row(49, "size=1\ndontload=1\n", (1, "biases")),
        row(50, "size=1\nbatch_normalize=1\ndontloadscales=1\n", None),
    ],
)
def test_layers_that_are_not_loaded_are_skipped(tmp_path: Path, option: str, missing: tuple[int, str] | None) -> None:
    data, graph = base_file(), graph_of(BASE.replace("size=1\n", option))
    if missing:
        data = data[: start_of(*missing)] + data[start_of(2, "biases") :]
    read_weights(save(tmp_path, data), graph)
    assert np.array_equal(graph.nodes[2].weights["weights"].ravel(), values()[-6144:])
    assert np.array_equal(graph.nodes[0].weights["weights"].ravel(), values()[16:124])


@pytest.mark.parametrize("index", [row(48, 0), row(48, -1)])
def test_a_layer_that_shares_arrays_has_none_in_the_file(tmp_path: Path, index: int) -> None:
    text = "[net]\nwidth=3\nheight=3\nchannels=2\n" + "[convolutional]\nfilters=2\n" * 2 + f"share_index={index}\n"
    graph = graph_of(text)
    report = read_weights(save(tmp_path, header() + values(6).tobytes()), graph)
    assert report.parameters == 6
    assert graph.nodes[1].weights is graph.nodes[0].weights


@pytest.mark.parametrize("turned_off", [row(51, "batch_normalize=1\n")])
def test_batch_normalization_turned_off_in_the_cfg_is_recognised(tmp_path: Path, turned_off: str) -> None:
    error = refusal(save(tmp_path, base_file()), BASE.replace(turned_off, ""))
    assert "48 too many" in error.found
    assert "12 values too many are as many as the batch-norm arrays of layer 0" in error.remedy


@pytest.mark.parametrize("filters", [row(57, 65536)])
def test_more_than_31_bits_of_values_are_counted_right(tmp_path: Path, filters: int) -> None:
    text = "[net]\nwidth=1\nheight=1\nchannels=32768\n" + f"[convolutional]\nfilters={filters}\n"
    error = refusal(save(tmp_path, base_file()), text)
    assert error.expected == f"65536 values at byte 20 and {20 + 4 * (2**31 + 65536)} bytes in all"
    with pytest.raises(ConfigError, match="GiB"):
        graph_of(text.replace("65536", "262144"))


@pytest.mark.parametrize("size", [row(58, 100 * 10**9)])
def test_a_sparse_file_of_100_gigabytes_is_not_read(tmp_path: Path, size: int) -> None:
    path = save(tmp_path, base_file())
    os.truncate(path, size)
    assert f"{size - 25144} too many" in refusal(path).found
    report, warnings = acceptance(path, allow_damaged=True)
    assert (report.parameters, report.bytes, len(warnings)) == (BASE_VALUES, size, 1)
