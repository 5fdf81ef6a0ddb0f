"""Fixtures for writing on full disks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def files_of_10_kb_at_most() -> Iterator[None]:
    """Writing past 10 kB fails in the middle, as on a full disk."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
