"""Running the command as a process of its own."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120  # seconds; reached only when a test fails


def clean_environment(**more: str) -> dict[str, str]:
    """The environment for a process: this checkout first, output buffered as usual."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONUNBUFFERED", "COLUMNS")}
    return {**inherited, "PYTHONPATH": str(ROOT), **more}
