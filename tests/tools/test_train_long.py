"""The tool that reads how much memory a long training takes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools import train_long

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="memory as Linux tells it")  # noqa: PTH112


def test_memory_is_read_on_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    assert train_long.main(["--iterations", "600", "--megabytes", "1000"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(train_long.SHARES) + 2
    assert all(line.endswith(" MB") for line in lines[:-1])
    assert "MB more than at the first" in lines[-1]


def test_growth_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_long, "measured", lambda iterations, options: [(5, 100.0), (9, 105.0), (20, 101.0)])
    assert train_long.main(["--megabytes", "4"]) == 1
    assert train_long.main(["--megabytes", "6"]) == 0


def test_only_whole_rows_count(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    assert train_long.iteration(path) == 0
    for text, expected in (("iteration,loss\n", 0), ("iteration,loss\n1,2\n12,3\n", 12), ("iteration\n1,2\n12", 1)):
        path.write_text(text)
        assert train_long.iteration(path) == expected
