"""Network: what ``load`` returns. It joins graph, weights, engine and pictures, and is thin."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

import numpy as np

from darknetpy.answers import Answers
from darknetpy.config.names import fit_names, read_names
from darknetpy.config.sections import Cfg, read_cfg
from darknetpy.config.shipped import find_cfg, find_weights, names_beside
from darknetpy.dialect import Dialect, dialect_named
from darknetpy.errors import DarknetpyWarning, Findings, ImageError
from darknetpy.graph import Graph, Node, build_graph, initial_weights
from darknetpy.layers.base import shape_text
from darknetpy.layers.state import State
from darknetpy.weights.reader import LoadReport, read_weights

if TYPE_CHECKING:
    from darknetpy.engine.program import Program

Memory = Literal["normal", "packed", "low"]


def load(
    cfg: str | os.PathLike[str] | Cfg,
    weights: str | os.PathLike[str] | None = None,
    *,
    names: str | os.PathLike[str] | Sequence[str] | None = None,
    batch: int = 1,
    threads: int | None = None,
    dialect: str | Dialect = "alexeyab",
    upto: int | None = None,
    memory: Memory = "packed",
    seed: int = 0,
    strict: bool = False,
    allow_damaged: bool = False,
) -> Network:
    """Read a network: its cfg, and its weights if there are any.

    Args:
        cfg: path of a .cfg file, the name of a network that we ship, or a :class:`Cfg` from ``read_cfg``.
        weights: path of a .weights file, or the name of a shipped network; without one the network has initial
            weights, made from ``seed``.
        names: path of a file with one class name a line, or the names themselves. By default ``STEM.names`` beside
            the cfg.
        batch: how many pictures are computed together when a list of them is given.
        threads: how many threads compute; by default one for each core.
        dialect: "alexeyab" or "pjreddie": whose numbers to give where the two C programs differ.
        upto: load only the layers before this index; the others keep their initial weights.
        memory: where the file's arrays are beside the engine's, which are packed in an order of its own.
            "packed": in the file; all of it is read and checked now, but an array is in memory only once somebody has
            asked for it, in ``layers[3].weights`` or by running or training the plain form, and stays there with
            whatever is changed in it (the engine packs at the first prediction; after that see `weights_changed`).
            So the file has to stay as it is: where it does not, an array that is needed is a WeightsError.
            "normal": in memory from the start; the file is not needed again.
            "low": as "packed", and kernels only whose packed weights take no more memory than the file's: about half
            as fast where filters are 3x3.
        strict: warnings are errors.
        allow_damaged: go on, with a warning, where the weights file is too short or too long.

    Raises:
        ConfigError: the cfg or the names cannot be used. WeightsError: the weights do not fit or are damaged.
        Both say where, what was found, what was expected and what to do.

    >>> net = load("mnist", "mnist")
    >>> net.input_shape
    (1, 28, 28)
    """
    findings = Findings(strict=strict)
    try:
        text = cfg if isinstance(cfg, Cfg) else read_cfg(find_cfg(cfg), findings)
        graph = build_graph(text, dialect=dialect_named(dialect), findings=findings)
        loaded = None
        if weights is None:
            initial_weights(graph, seed)
        else:
            loaded = read_weights(
                find_weights(weights), graph, upto=upto, allow_damaged=allow_damaged, findings=findings, seed=seed,
                later=memory != "normal",
            )  # fmt: skip
        class_names = _class_names(names, text, graph, findings)
    finally:
        _warn(findings)  # also when an error follows: a warning may well name its cause
    return Network(graph, loaded, class_names, findings.notes, batch=batch, threads=threads, memory=memory)


def _warn(findings: Findings) -> None:
    """Pass warnings to Python's ``warnings``, as from the caller of the function that calls this."""
    for warning in findings.warnings:
        warnings.warn(warning, stacklevel=3)


@cache
def _engine_runs() -> bool:
    """Whether the engine runs on this computer; where it does not, one warning a process says why."""
    from darknetpy.kernels.available import obstacle

    if obstacle():
        remedy = "Networks run in plain form, which takes many times longer"
        warnings.warn(DarknetpyWarning(obstacle(), "a CPU and a compiler for vectors", remedy), stacklevel=4)
    return not obstacle()


def _class_names(
    given: str | os.PathLike[str] | Sequence[str] | None, cfg: Cfg, graph: Graph, findings: Findings
) -> list[str] | None:
    """Names as the caller gives them, else those beside the cfg, else none."""
    if given is not None and not isinstance(given, (str, os.PathLike)):
        return fit_names(list(given), graph.classes, None, cfg.path, findings)
    beside = names_beside(Path(cfg.path)) if cfg.path else None
    path = beside if given is None else given
    if path is None:
        return None
    return fit_names(read_names(path, findings), graph.classes, os.fspath(path), cfg.path, findings)


class Layers(Sequence[Node]):
    """The layers of a network, by index (``layers[3]``, ``layers[-1]``) or by type and index (``layers["conv3"]``)."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = tuple(nodes)
        self._by_name = {f"{name}{node.index}": node for node in self._nodes for name in node.layer.names}

    @overload
    def __getitem__(self, key: int | str) -> Node: ...
    @overload
    def __getitem__(self, key: slice) -> Sequence[Node]: ...
    def __getitem__(self, key: int | str | slice) -> Node | Sequence[Node]:
        if isinstance(key, str):
            if key not in self._by_name:
                example = f"{self._nodes[0].type}0"
                raise KeyError(f"no layer {key}; layers are called by section name and index, as in {example}")
            return self._by_name[key]
        return self._nodes[key]

    def __len__(self) -> int:
        return len(self._nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes)


class Network(Answers):
    """A network that can be run. Several threads may call it at once.

    Attributes:
        layers: the layers, see :class:`Layers`. names: class names, or None. notes: remarks from reading its files.
        loaded: what was read from the weights file (a :class:`~darknetpy.weights.reader.LoadReport`), or None.
    """

    def __init__(
        self,
        graph: Graph,
        loaded: LoadReport | None,
        names: list[str] | None,
        notes: list[str],
        *,
        batch: int = 1,
        threads: int | None = None,
        memory: Memory = "packed",
    ) -> None:
        self.graph, self.loaded, self.names, self.notes = graph, loaded, names, notes
        self.layers = Layers(graph.nodes)
        self.batch, self.threads, self.memory = batch, threads, memory
        self._program: Program | None = None
        self._lowering = threading.Lock()

    def __repr__(self) -> str:
        path = self.graph.cfg.path or "cfg in memory"
        return f"<Network {path}: {shape_text(self.input_shape)}, {len(self.layers)} layers>"

    def new_state(self, time_steps: int = 1) -> State:
        """What the recurrent layers remember at first: nothing. Calls that it is given to go on from it.

        Args:
            time_steps: how many steps of a sequence a call computes; the rows of its batch are steps times sequences,
                step first. See :class:`~darknetpy.layers.state.State`.
        """
        return self.graph.new_state(time_steps)

    def predict(
        self,
        batch: np.ndarray,
        *,
        state: State | None = None,
        outputs: Sequence[int | str] | None = None,
        engine: bool = True,
    ) -> np.ndarray | list[np.ndarray]:
        """Run the network on prepared input.

        Args:
            batch: (n, *input_shape), float32 in 0..1 for pictures. float64 with ``engine=False`` only: the whole run
                is in double precision then. Another height and width work where the layers allow them.
            state: what recurrent layers remember, from :meth:`new_state`; it is changed. Without one every row is the
                first step of a sequence.
            outputs: indexes or names of layers; a list of their outputs is returned then.
            engine: False runs the plain form, layer by layer: the definition of what the engine computes fast.

        Returns:
            The output of the last layer, (n, *output_shape), or the list asked for.

        Raises:
            ImageError: wrong shape or dtype, values that are not finite, or another number of rows than the state is
                for. DarknetpyError: another call uses the state, or it is another network's.

        >>> net.predict(np.zeros((2, 1, 28, 28), np.float32)).shape
        (2, 10)
        """
        values = self._checked(batch, engine)
        wanted = [self.graph.output_index] if outputs is None else [self.layers[key].index for key in outputs]
        run = self._engine().run if engine and _engine_runs() else self._graph_for(values.shape).run
        found = run(values, set(wanted), state)
        return [found[index] for index in wanted] if outputs is not None else found[wanted[0]]

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """The output of the last layer for prepared input; see :meth:`predict`."""
        return self.predict(batch)  # type: ignore[return-value]  # an array where no outputs are named

    def activations(self, batch: np.ndarray, state: State | None = None) -> list[np.ndarray]:
        """Every layer's output, a list of arrays (n, *output_shape), by the plain form.

        Takes what :meth:`predict` takes; holds all outputs at once.
        """
        values = self._checked(batch, engine=False)
        outputs = self._graph_for(values.shape).run(values, range(len(self.layers)), state)
        return [outputs[index] for index in range(len(self.layers))]

    def save_weights(self, path: str | os.PathLike[str], *, upto: int | None = None) -> None:
        """Write a .weights file that Darknet reads; the file at ``path`` is replaced only when all is written.

        A file that was loaded and is saved unchanged is byte for byte the same. ``upto`` writes the layers before
        that index only. Raises WeightsError where the file cannot be written.
        """
        from darknetpy.weights.writer import write_weights

        findings, loaded = Findings(), self.loaded
        write_weights(
            path,
            self.graph,
            seen=loaded.seen if loaded else 0,
            upto=upto,
            version=loaded.version if loaded else None,
            header_bytes=loaded.header_bytes if loaded else None,
            findings=findings,
        )
        _warn(findings)

    def summary(self) -> str:
        """The table of layers as text: type, options, output shape, parameters, FLOPs, receptive field, and totals."""
        from darknetpy.summary import Summary

        return str(Summary(self.graph))

    def weights_changed(self) -> None:
        """To be called after arrays of layers were changed: the next prediction is made with them.

        >>> net.layers["conv0"].weights["biases"] += 1  # doctest: +SKIP
        >>> net.weights_changed()  # doctest: +SKIP
        """
        with self._lowering:
            self._program = None

    def _graph_for(self, shape: tuple[int, ...]) -> Graph:
        """The graph for a batch of this shape; checks that its size of pictures fits the layers."""
        return self.graph if shape[1:] == self.input_shape else self.graph.resized(*shape[2:])

    def _engine(self) -> Program:
        """The network lowered for the engine: made at the first call, then kept."""
        from darknetpy.engine.choose import choose_small
        from darknetpy.engine.program import Program

        with self._lowering:
            if self._program is None:
                choose = choose_small if self.memory == "low" else None
                self._program = Program(self.graph, self.threads, choose)
        return self._program

    def _checked(self, batch: np.ndarray, engine: bool) -> np.ndarray:
        kinds = ("float32",) if engine else ("float32", "float64")
        expected = f"an array (n, {', '.join(map(str, self.input_shape))}) of {' or '.join(kinds)}"
        if not isinstance(batch, np.ndarray) or batch.dtype.name not in kinds:
            found = f"dtype {batch.dtype}" if isinstance(batch, np.ndarray) else f"a {type(batch).__name__}"
            raise ImageError(found, expected, "Pictures as arrays go to classify, or to prepare first")
        fits = batch.ndim == len(self.input_shape) + 1 and batch.shape[1] == self.input_shape[0] and len(batch) > 0
        if not fits or 0 in batch.shape:
            raise ImageError(f"shape {batch.shape}", expected)
        if not np.isfinite(batch).all():
            raise ImageError("values that are not finite", "numbers, without nan and inf")
        return np.ascontiguousarray(batch)
