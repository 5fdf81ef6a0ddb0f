"""Every cfg of the three forks runs a forward pass."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from darknetpy.config.sections import read_cfg
from darknetpy.dialect import dialect_named
from darknetpy.engine.program import Program
from darknetpy.graph import Graph, build_graph, initial_weights
from tests.conftest import SHARED

ZOO = SHARED / "data" / "zoo"
OWN_SIZE_GFLOPS = 45  # larger networks are run on smaller pictures, to keep this test short
SMALL_SIDE = 256  # a multiple of every network's steps


def cfgs() -> list[str]:
    return sorted(path.relative_to(ZOO).as_posix() for path in ZOO.glob("*/*.cfg")) or ["none"]


@pytest.fixture
def labels(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder has ``data/``, where the cfgs look for their trees and maps."""
    (tmp_path / "data").symlink_to(shared / "data" / "zoo" / "labels")
    monkeypatch.chdir(tmp_path)


def build(name: str) -> Graph:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return build_graph(
            read_cfg(ZOO / name), dialect=dialect_named(name.split("/")[0].replace("hank-ai", "alexeyab"))
        )


def spread_statistics(graph: Graph) -> None:
    """Statistics under which values neither vanish nor explode on their way through many layers."""
    random = np.random.default_rng(2)
    spread = {"biases": (0, 0.1), "scales": (1, 0.2), "rolling_mean": (0, 0.2), "rolling_variance": (0.6, 0.1)}
    for node in graph.nodes:
        for name, values in node.weights.items():
            for ending, (middle, deviation) in spread.items():
                if name.endswith(ending):
                    values[...] = random.normal(middle, deviation, values.shape)


@pytest.mark.slow
@pytest.mark.usefixtures("labels")
@pytest.mark.parametrize("name", cfgs())
def test_it_runs(name: str) -> None:
    graph = build(name)
    if graph.flops > OWN_SIZE_GFLOPS * 1e9:
        graph = graph.resized(SMALL_SIDE, SMALL_SIDE)
    initial_weights(graph)
    spread_statistics(graph)
    batch = np.random.default_rng(1).random((1, *graph.input_shape), dtype=np.float32)
    wanted = [graph.output_index, *graph.heads]
    outputs = Program(graph).run(batch, wanted)
    for index in wanted:
        assert outputs[index].shape == (1, *graph.nodes[index].output_shape)
        assert np.isfinite(outputs[index]).all()
        assert np.ptp(outputs[index]) > 0
