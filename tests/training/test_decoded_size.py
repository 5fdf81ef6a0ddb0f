"""The memory of decoded pictures, by their headers."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from darknetpy.training.decoded_size import LOOKED_AT, decoded_bytes


def test_sizes_of_all_are_those_of_some(tmp_path: Path) -> None:
    paths = []
    for number, (width, height) in enumerate(((10, 20), (30, 40))):
        for suffix in ("png", "jpg", "bmp"):
            paths.append(str(tmp_path / f"{number}.{suffix}"))
            Image.new("RGB", (width, height)).save(paths[-1])
    assert decoded_bytes(paths, 3) == 3 * 3 * (200 + 1200)
    assert decoded_bytes(paths, 1) == 3 * (200 + 1200)
    assert decoded_bytes(paths[:3] * LOOKED_AT, 3) == 3 * LOOKED_AT * 3 * 200


def test_what_cannot_be_read_is_not_counted(tmp_path: Path) -> None:
    Image.new("RGB", (5, 5)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:20])
    (tmp_path / "c.txt").write_text("no picture")
    others = [str(tmp_path / name) for name in ("b.png", "c.txt", "none.png")]
    assert decoded_bytes(others, 3) is None
    assert decoded_bytes([str(tmp_path / "a.png"), *others], 3) == 4 * 75
