"""What a file really is, judged by its first bytes: for messages about mixed-up files."""

from __future__ import annotations

import struct

SNIFFED = 512  # bytes that are enough to recognise every kind below

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF87a", "a GIF picture"),
    (b"GIF89a", "a GIF picture"),
    (b"version https://git-lfs.github.com", "a Git LFS pointer, not the file itself"),
    (b"PK\x03\x04", "a ZIP archive (PyTorch files are ZIP archives too)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file (Keras)"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x80\x02", "a Python pickle (old PyTorch)"),
    (b"\x80\x04", "a Python pickle (PyTorch)"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a program"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)
_ONNX_STARTS = (b"\x08\x03\x12", b"\x08\x04\x12", b"\x08\x05\x12", b"\x08\x06\x12", b"\x08\x07\x12", b"\x08\x08\x12",
                b"\x08\x09\x12", b"\x08\x0a\x12")  # fmt: skip  # ModelProto: ir_version, then producer_name


def describe_content(head: bytes) -> str | None:
    """Name the kind of file that begins with ``head`` (some 512 bytes), or None when it is not one of the known kinds.

    >>> describe_content(b"<!DOCTYPE html>")
    'an HTML page (did a download fail?)'
    """
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head.startswith(_ONNX_STARTS):
        return "an ONNX model"
    if len(head) > 9 and head[8:9] == b"{" and struct.unpack("<Q", head[:8])[0] < 100_000_000:
        return "a safetensors file"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml", b"<!--")):
        return "an HTML page (did a download fail?)"
    if looks_like_weights(head):
        return "a Darknet weights file"
    if looks_like_cfg(head):
        return "a Darknet cfg file"
    return None


def looks_like_weights(head: bytes) -> bool:
    """Whether the first 12 bytes are a version that Darknet has written: major 0 or 1, minor 0 to 2."""
    if len(head) < 12:
        return False
    major, minor, revision = struct.unpack("<iii", head[:12])
    return (major, minor) in ((0, 1), (0, 2), (1, 0)) and 0 <= revision < 100


def looks_like_cfg(head: bytes) -> bool:
    """Whether the text begins, after comments and blank lines, with a section header."""
    for line in head.lstrip(b"\xef\xbb\xbf").splitlines():
        text = line.strip()
        if text and not text.startswith((b"#", b";")):
            return text.startswith((b"[net", b"[convolutional"))
    return False
