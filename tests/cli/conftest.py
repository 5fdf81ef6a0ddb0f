"""A small classifier with its files, made once; and the command as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from darknetpy.config.sections import read_cfg
from darknetpy.graph import build_graph, initial_weights
from darknetpy.weights.writer import write_weights
from tests.cli.processes import PATIENCE, clean_environment

CFG = """[net]
width=16
height=12
channels=3

[convolutional]
batch_normalize=1
filters=4
size=3
pad=1
activation=leaky

[convolutional]
filters=3
size=1
activation=linear

[avgpool]

[softmax]
temperature=8
"""
NAMES = ["dog", "zebra crossing", "Åland"]

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with small.cfg, its names and weights, photos of random pixels, names and weights that do not fit."""
    folder = tmp_path_factory.mktemp("network")
    (folder / "small.cfg").write_text(CFG)
    (folder / "small.names").write_text("\n".join(NAMES) + "\n", encoding="utf-8")
    graph = build_graph(read_cfg(folder / "small.cfg"))
    initial_weights(graph, seed=3)
    write_weights(folder / "small.weights", graph, seen=64_000)
    (folder / "cut.weights").write_bytes((folder / "small.weights").read_bytes()[:300])
    (folder / "two.names").write_text("a\nb\n")
    (folder / "photos").mkdir()
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (20, 30 + number, 3), np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / f"{number}.png")
    return folder


@pytest.fixture
def files(made_once: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same folder, which is the current one during the test; tests write elsewhere."""
    monkeypatch.chdir(made_once)
    return made_once


@pytest.fixture
def command(made_once: Path) -> Command:
    """Run ``python -m darknetpy`` in that folder; keywords go to subprocess.run, ``environment`` is added to ours."""

    def run(*words: str, environment: dict[str, str] | None = None, **settings: object) -> object:
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings}
        if "input" in streams:
            del streams["stdin"]
        return subprocess.run(
            [sys.executable, "-m", "darknetpy", *words],
            cwd=made_once,
            env=clean_environment(**(environment or {})),
            timeout=PATIENCE,
            check=False,
            **{"text": True, **streams},  # type: ignore[call-overload]
        )

    return run  # type: ignore[return-value]
