"""Shared fixtures. Tests that need the reference material skip when it is absent, and say so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("DARKNETPY_SHARED", Path(__file__).resolve().parents[2] / "shared"))
GOLDEN = Path(__file__).resolve().parent / "golden"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference material (models, pictures, recorded numbers); skips the test where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("needs the reference material (set DARKNETPY_SHARED, or put it beside the project as ../shared)")
    return SHARED
