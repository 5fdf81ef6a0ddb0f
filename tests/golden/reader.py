"""The recorded cases of a collection, such as forward.npz and forward.json, made by tools/pack_golden.py."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from darknetpy.config.sections import parse_cfg
from darknetpy.dialect import dialect_named
from darknetpy.graph import Graph, State, build_graph, initial_weights
from darknetpy.weights.reader import read_weights

FOLDER = Path(__file__).resolve().parent


@cache
def _data(collection: str) -> np.ndarray:
    with np.load(FOLDER / f"{collection}.npz") as archive:
        return archive["data"]


@cache
def _cases(collection: str) -> dict[str, dict[str, Any]]:
    return json.loads((FOLDER / f"{collection}.json").read_text())


def case_names(collection: str = "forward") -> list[str]:
    """Every case, in the order of the collection."""
    return list(_cases(collection))


def quirk_names(collection: str = "forward") -> list[str]:
    """The cases in which a C program does something odd or broken."""
    return [name for name, case in _cases(collection).items() if case.get("quirk")]


class Case:
    """One run of a C program: a cfg, weights, an input, and the output of each layer."""

    def __init__(self, name: str, collection: str = "forward") -> None:
        self.name, self.collection, self.about = name, collection, _cases(collection)[name]
        self.dialect: str = self.about["dialect"]
        self.cfg: str = self.about["cfg"]
        self.batch: int = self.about["batch"]
        self.shapes: list[list[int]] = self.about["shapes"]

    def array(self, name: str) -> np.ndarray:
        """``input``, ``truth`` or ``layer_007``: (batch, values) float32."""
        return self.rows(name, self.batch)

    def rows(self, name: str, count: int) -> np.ndarray:
        """A recorded array as ``count`` rows, float32."""
        return np.frombuffer(self._bytes(name), "<f4").reshape(count, -1)

    @property
    def recorded(self) -> dict[int, np.ndarray]:
        """Layer index -> its output, (batch, values) float32, for the layers that were recorded."""
        names = [name for name in self.about["arrays"] if name.startswith("layer_")]
        return {int(name.removeprefix("layer_")): self.array(name) for name in names}

    @property
    def recorded_again(self) -> dict[int, np.ndarray]:
        """The same for the same input a second time, where the state of recurrent layers made a difference."""
        names = [name for name in self.about["arrays"] if name.startswith("second_")]
        return {int(name.removeprefix("second_")): self.array(name) for name in names}

    @property
    def weights(self) -> bytes | None:
        """The weights file, None for a network without parameters."""
        return self._bytes("weights") if "weights" in self.about["arrays"] else None

    def _bytes(self, name: str) -> bytes:
        first, length = self.about["arrays"][name]
        return _data(self.collection)[first : first + length].tobytes()

    def graph(self, folder: Path, *, allow_damaged: bool = False) -> Graph:
        """The network with its weights; files that the cfg names are written to ``folder``."""
        for name, text in self.about.get("files", {}).items():
            (folder / name).write_text(text)
        cfg = parse_cfg(self.cfg, str(folder / "net.cfg"))
        graph = build_graph(cfg, dialect=dialect_named(self.dialect))
        initial_weights(graph)
        if self.weights is not None:
            read_weights(self.weights, graph, allow_damaged=allow_damaged)
        return graph

    def outputs(self, graph: Graph, state: State | None = None) -> dict[int, np.ndarray]:
        """Every layer's output for the recorded input, by the plain form, (batch, *shape)."""
        batch = self.array("input").reshape(self.batch, *graph.input_shape)
        return graph.run(batch, range(len(graph.nodes)), state or graph.new_state(graph.net.time_steps))
