"""What the tests of the catalogue's rows WGT-... share."""

from __future__ import annotations

from pathlib import Path

import pytest


def row(number: int, *rest: object) -> object:
    """A parameter whose id is the row of the catalogue."""
    return pytest.param(*rest, id=f"WGT-{number:03d}")


def save(folder: Path, data: bytes, name: str = "net.weights") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path
