"""Shared fixtures. Tests that need the reference material skip when it is absent, and say so."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("DARKNETPY_SHARED", Path(__file__).resolve().parents[2] / "shared"))
GOLDEN = Path(__file__).resolve().parent / "golden"
NOBODY = 65534


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference material (models, pictures, recorded numbers); skips the test where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("needs the reference material (set DARKNETPY_SHARED, or put it beside the project as ../shared)")
    return SHARED


@pytest.fixture
def folder_of_ordinary_user() -> Iterator[Path]:
    """A folder, and a process without the rights of root while the test runs."""
    if not hasattr(os, "geteuid"):
        pytest.skip("needs POSIX users")
    folder = Path(tempfile.mkdtemp())
    is_root = os.geteuid() == 0
    if is_root:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o700)
        shutil.rmtree(folder)
