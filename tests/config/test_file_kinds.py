"""What a file is, judged by its first bytes."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from darknetpy.config.file_kinds import SNIFFED, describe_content, looks_like_cfg, looks_like_weights


def zip_archive() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("data.pkl", b"x")
    return stream.getvalue()


def numpy_array() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    return stream.getvalue()


def safetensors() -> bytes:
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4)


KINDS = {
    "PNG": (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    "JPEG": (b"\xff\xd8\xff\xe0", "a JPEG picture"),
    "ZIP": (zip_archive(), "a ZIP archive (PyTorch files are ZIP archives too)"),
    "gzip": (gzip.compress(b"x"), "a gzip archive"),
    "NumPy": (numpy_array(), "a NumPy array"),
    "pickle": (pickle.dumps({}, 4), "a Python pickle (PyTorch)"),
    "old pickle": (pickle.dumps({}, 2), "a Python pickle (old PyTorch)"),
    "safetensors": (safetensors(), "a safetensors file"),
    "ONNX": (b"\x08\x07\x12\x07pytorch", "an ONNX model"),
    "HDF5": (b"\x89HDF\r\n\x1a\n", "an HDF5 file (Keras)"),
    "LFS": (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer, not the file itself"),
    "HTML": (b"\n  <!DOCTYPE HTML><html>", "an HTML page (did a download fail?)"),
    "HTML with a mark": (b"\xef\xbb\xbf<html lang=en>", "an HTML page (did a download fail?)"),
    "UTF-16": ("[net]".encode("utf-16"), "UTF-16 text"),
    "weights 0.2": (struct.pack("<iiiq", 0, 2, 5, 0), "a Darknet weights file"),
    "weights 0.1": (struct.pack("<iiii", 0, 1, 0, 0), "a Darknet weights file"),
    "weights 1.0": (struct.pack("<iiiq", 1, 0, 0, 9), "a Darknet weights file"),
    "cfg": (b"# yolo\n\n [net]\nwidth=8", "a Darknet cfg file"),
    "cfg of Windows": (b"\xef\xbb\xbf[network]\r\n", "a Darknet cfg file"),
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds(name: str) -> None:
    head, kind = KINDS[name]
    assert describe_content(head[:SNIFFED]) == kind


@pytest.mark.parametrize(
    "head",
    [b"", b"\0", b"cat\ndog\n", b"classes = 20\n", b"[net", b"\0\0\0\0\2\0\0\0\xff\xff\xff\xff", bytes(12), b"PKZIP",
     b"width=8\n[net]\n", struct.pack("<iii", 3, 0, 0), b"{" * 20],
)  # fmt: skip
def test_what_is_not_known_is_not_guessed(head: bytes) -> None:
    assert describe_content(head) in (None, "a Darknet cfg file" if head == b"[net" else None)


def test_files_of_the_collection(shared: Path) -> None:
    for path in sorted((shared / "data" / "models").rglob("*.weights")):
        with path.open("rb") as file:
            assert looks_like_weights(file.read(SNIFFED)), path
    for path in sorted((shared / "data" / "models").rglob("*.cfg")):
        assert looks_like_cfg(path.read_bytes()[:SNIFFED]), path
    for path in sorted((shared / "data").rglob("*.names")):
        assert describe_content(path.read_bytes()[:SNIFFED]) is None, path
