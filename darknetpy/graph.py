"""Sections become layers wired into a graph, with shapes; and the plain run, layer by layer.

The graph knows no files but its cfg, and no engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from darknetpy.config.net_options import input_shape, read_net_options
from darknetpy.config.options import Options, read_options
from darknetpy.config.sections import FIRST_SECTIONS, Cfg, Section
from darknetpy.config.tree import Tree
from darknetpy.dialect import DEFAULT, Dialect
from darknetpy.errors import ConfigError, DarknetpyWarning, Findings, did_you_mean, printable
from darknetpy.layers.base import COMMON_OPTIONS, Array, Layer, RecurrentLayer, Shape, shape_text, size_of
from darknetpy.layers.parts.head import Head
from darknetpy.layers.registry import FOREIGN, layer_types
from darknetpy.layers.state import LayerState, State
from darknetpy.layers.weights import Weights

LayerStates = Mapping[int, LayerState]
"""What recurrent layers remember, by the layer's index."""
INPUT = -1  # the source index that means the network's input
MAXIMUM_LAYER_BYTES = 16 * 2**30
GIBIBYTE = 2**30


@dataclass(frozen=True)
class Node:
    """A layer in its place: where its inputs come from and what shapes meet there."""

    layer: Layer
    sources: tuple[int, ...]
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    arrays: tuple[Array, ...] = field(repr=False)
    """The arrays that the layer owns, in file order; none where it shares another layer's."""

    @property
    def index(self) -> int:
        """The layer's index, as Darknet counts."""
        return self.layer.index

    @property
    def type(self) -> str:
        """The usual name of its section."""
        return self.layer.type

    @property
    def options(self) -> Options:
        """The values of its options."""
        return self.layer.options

    @property
    def weights(self) -> Weights:
        """Its arrays by name; those that wait in the weights file are read when they are first asked for."""
        return self.layer.weights

    @property
    def parameters(self) -> int:
        """How many values its own arrays have."""
        return sum(array.size for array in self.arrays)

    @property
    def flops(self) -> int:
        """Floating-point operations for one picture, a multiply-add counted as 2."""
        return self.layer.flops(list(self.input_shapes))

    def forward(self, *inputs: np.ndarray) -> np.ndarray:
        """The layer's plain form on arrays (n, *input_shape), one for each source."""
        return self.layer.forward(list(inputs))

    def advance(self, inputs: list[np.ndarray], states: LayerStates) -> np.ndarray:
        """The same within a call of the network: a recurrent layer goes on from its state, and changes it."""
        if isinstance(self.layer, RecurrentLayer):
            return self.layer.advance(inputs, states[self.index])
        return self.layer.forward(inputs)


@dataclass(frozen=True)
class Graph:
    """The layers of one cfg in order, wired, for one size of input."""

    cfg: Cfg
    dialect: Dialect
    net: Options
    input_shape: Shape
    nodes: tuple[Node, ...]

    @property
    def output_index(self) -> int:
        """Index of the layer whose output is the network's."""
        return len(self.nodes) - 1

    @property
    def tree(self) -> Tree | None:
        """The tree of classes of the last layer that has one."""
        return next((node.layer.tree for node in reversed(self.nodes) if node.layer.tree is not None), None)

    @property
    def classes(self) -> int:
        """How many classes the network tells apart: those of its heads, else one for each value it answers with."""
        if self.heads:
            return max(head.classes for head in self.heads.values())
        return size_of(self.nodes[-1].output_shape)

    @cached_property
    def heads(self) -> dict[int, Head]:
        """The heads of a detector by layer index, in order; empty for other networks."""
        return {node.index: node.layer for node in self.nodes if isinstance(node.layer, Head)}

    @property
    def parameters(self) -> int:
        """Number of values in all arrays."""
        return sum(node.parameters for node in self.nodes)

    @property
    def flops(self) -> int:
        """Floating-point operations for one picture."""
        return sum(node.flops for node in self.nodes)

    def last_uses(self, wanted: Iterable[int]) -> dict[int, int]:
        """For each layer whose output can be let go: the index of the last layer that reads it."""
        last = {source: node.index for node in self.nodes for source in node.sources}
        last.update({node.index: node.index for node in self.nodes if node.index not in last})
        for index in wanted:
            last.pop(index, None)
        return last

    @cached_property
    def recurrent_layers(self) -> tuple[Layer, ...]:
        """The layers that remember something from call to call."""
        return tuple(node.layer for node in self.nodes if isinstance(node.layer, RecurrentLayer))

    def new_state(self, time_steps: int = 1) -> State:
        """What the recurrent layers remember at first: nothing. Calls that it is given to go on from it."""
        return State(self.recurrent_layers, time_steps)

    def run(
        self, batch: np.ndarray, wanted: Iterable[int] | None = None, state: State | None = None
    ) -> dict[int, np.ndarray]:
        """The plain form of the network, layer by layer.

        Args:
            batch: (n, *input_shape), float32 or float64; the whole run is in this dtype. Other heights and widths
                work as far as the layers allow.
            wanted: indexes of the layers whose outputs are returned; by default the last one's.
            state: what recurrent layers remember, from `new_state`; it is changed. Without one every row is the first
                step of a sequence.

        Returns:
            Layer index -> array (n, *output_shape). Outputs that nobody needs any more are let go on the way.

        Raises:
            ImageError or DarknetpyError: batch and state do not fit, see :class:`~darknetpy.layers.state.State`.
        """
        kept = {self.output_index} if wanted is None else set(wanted)
        memory = self.new_state() if state is None else state
        with memory.going_on(self.recurrent_layers, batch.shape) as states:
            return self._run(batch, kept, states)

    def _run(self, batch: np.ndarray, kept: set[int], states: LayerStates) -> dict[int, np.ndarray]:
        return {index: output for index, output in self._outputs(batch, states) if index in kept}

    def outputs(self, batch: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Every layer's index and output, one after the other, by the plain form; takes what `run` takes.

        An output is let go when the last layer that reads it has done so, unless the caller keeps it.
        """
        with self.new_state().going_on(self.recurrent_layers, batch.shape) as states:
            yield from self._outputs(batch, states)

    def _outputs(self, batch: np.ndarray, states: LayerStates) -> Iterator[tuple[int, np.ndarray]]:
        last = self.last_uses(())
        values = {INPUT: batch}
        for node in self.nodes:
            values[node.index] = node.advance([values[source] for source in node.sources], states)
            yield node.index, values[node.index]
            for index in {*node.sources, node.index}:
                if last.get(index) == node.index:
                    del values[index]

    def resized(self, height: int, width: int) -> Graph:
        """The same layers, weights included, for pictures of another size; ConfigError where the shapes do not fit."""
        channels = self.input_shape[0]
        builder = _Builder(self.cfg, self.dialect, Findings(), training=False)
        graph = builder.wire(self.net, (channels, height, width), [node.layer for node in self.nodes])
        for node, other in zip(self.nodes, graph.nodes, strict=True):
            have, need = (_shapes_text({a.name: a.shape for a in place.arrays}) for place in (node, other))
            if have != need:
                found, remedy = f"a picture of {width}x{height} would need {need}", "Write that size in [net] and train"
                raise node.layer.refusal(found, f"a size for which there is {have}", remedy)
        return graph


def build_graph(
    cfg: Cfg, *, dialect: Dialect = DEFAULT, findings: Findings | None = None, training: bool = False
) -> Graph:
    """Make layers of a cfg's sections and wire them. Raises ConfigError for the first thing that is wrong."""
    return _Builder(cfg, dialect, findings or Findings(), training).build()


def check_graph(cfg: Cfg, findings: Findings, *, dialect: Dialect = DEFAULT, training: bool = False) -> Graph | None:
    """The same, going on after errors: ``findings`` (made with ``collect=True``) holds all; None if there were any."""
    before = len(findings.errors)
    try:
        graph = _Builder(cfg, dialect, findings, training).build()
    except ConfigError as error:
        if error not in findings.errors:
            findings.errors.append(error)
        return None
    return graph if len(findings.errors) == before else None


class _Builder:
    def __init__(self, cfg: Cfg, dialect: Dialect, findings: Findings, training: bool) -> None:
        self.cfg, self.dialect, self.findings, self.training = cfg, dialect, findings, training
        self.nodes: dict[int, Node] = {}

    def build(self) -> Graph:
        net = read_net_options(self.cfg.net, self.findings, dialect=self.dialect, training=self.training)
        if not self.cfg.layers:
            remedy = "Add a section for each layer"
            raise ConfigError("no layers", "at least one section after [net]", remedy, **self.cfg.net.at())
        shape = None
        try:
            shape = input_shape(net, self.cfg.net)
            self._check_size(self.cfg.net, shape, [])
        except ConfigError as error:
            self.findings.error(error)
        return self.wire(net, shape, (self._layer(section) for section in self.cfg.layers))

    def wire(self, net: Options, shape: Shape | None, layers: Iterable[Layer | None]) -> Graph:
        """Join layers in order; when errors are collected, a part that failed (None) is left out with its readers."""
        for layer in layers:
            if layer is None:
                continue
            try:
                self._place(layer, shape)
            except ConfigError as error:
                self.findings.error(error)
        self._check_readers()
        graph = Graph(self.cfg, self.dialect, net, shape or (), tuple(self.nodes.values()))
        self._compare_heads(list(graph.heads.values()))
        return graph

    def _layer(self, section: Section) -> Layer | None:
        known = layer_types()
        layer_type = known.get(section.name)
        if layer_type is None:
            self.findings.error(_unknown_section(section, known))
            return None
        declared = (*layer_type.declared_options, *COMMON_OPTIONS)
        options = read_options(section, declared, self.findings, dialect=self.dialect, training=self.training)
        if options.failed:
            return None
        try:
            layer = layer_type(options, section, self.dialect)
            if self.training:
                layer.check_training()
            return layer
        except ConfigError as error:
            self.findings.error(error)
            return None

    def _place(self, layer: Layer, network_input: Shape | None) -> None:
        sources = layer.sources()
        shapes = [self._shape_of(source, network_input) for source in sources]
        known_shapes = [shape for shape in shapes if shape is not None]
        if len(known_shapes) < len(shapes):
            return  # a source failed; its own error is enough
        if layer.needs_picture and len(known_shapes[0]) != 3:
            raise self._needs_picture(layer, sources[0])
        layer.check_sources(known_shapes, [self.nodes[source].layer if source != INPUT else None for source in sources])
        output = layer.output_shape(known_shapes)
        arrays = layer.arrays(known_shapes)
        shared = layer.shares_arrays_of()
        if shared is not None:
            if shared not in self.nodes:
                return
            self._share(layer, arrays, shared)
            arrays = []
        self._check_size(layer.section, output, arrays, layer.temporary(known_shapes))
        for warning in layer.remarks(known_shapes):
            self.findings.warning(warning)
        self.nodes[layer.index] = Node(layer, sources, tuple(known_shapes), output, tuple(arrays))

    def _shape_of(self, index: int, network_input: Shape | None) -> Shape | None:
        if index == INPUT:
            return network_input
        return self.nodes[index].output_shape if index in self.nodes else None

    def _needs_picture(self, layer: Layer, source: int) -> ConfigError:
        if source == INPUT:
            remedy = "Write width, height and channels in [net]"
            return layer.refusal("the network's input is flat", "a picture (channels, height, width)", remedy)
        before = self.nodes[source]
        found = f"layer {source} [{before.type}] gives {shape_text(before.output_shape)} values without height or width"
        return layer.refusal(found, "a layer before it that gives a picture", "Remove this layer, or the one before")

    def _share(self, layer: Layer, arrays: list[Array], shared: int) -> None:
        """Let a layer use another's arrays: the very same dictionary, so that loading fills both."""
        other = self.nodes[shared]
        theirs = {array.name: array.shape for array in other.arrays or _arrays_of(other)}
        ours = {array.name: array.shape for array in arrays}
        if other.type != layer.type:
            found, remedy = f"layer {shared} is [{other.type}]", "Name a layer of the same type"
            raise layer.refusal(found, f"a [{layer.type}]", remedy, "share_index")
        if theirs != ours:
            found = f"layer {shared} has {_shapes_text(theirs)}"
            raise layer.refusal(found, _shapes_text(ours), "Both must agree in all sizes", option="share_index")
        layer.weights = other.layer.weights

    def _check_size(self, section: Section, shape: Shape, arrays: list[Array], temporary: int = 0) -> None:
        """Refuse absurd sizes before anything is allocated."""
        needed = 4 * (size_of(shape) + sum(array.size for array in arrays) + temporary)
        if needed > MAXIMUM_LAYER_BYTES:
            found = f"this needs {needed / GIBIBYTE:.0f} GiB ({shape_text(shape)} output values for one picture)"
            expected = f"at most {MAXIMUM_LAYER_BYTES // GIBIBYTE} GiB in one layer"
            raise ConfigError(found, expected, "Make it smaller", **section.at())

    def _check_readers(self) -> None:
        readers: dict[int, list[Layer]] = {index: [] for index in self.nodes}
        for node in self.nodes.values():
            for source in node.sources:
                if source != INPUT:
                    readers[source].append(node.layer)
        for index, node in self.nodes.items():
            try:
                node.layer.check_readers(list(node.input_shapes), readers[index])
            except ConfigError as error:
                self.findings.error(error)

    def _compare_heads(self, heads: list[Head]) -> None:
        """Warn of heads that do not tell the same number of classes apart."""
        for head in heads[1:]:
            first = heads[0]
            if head.classes != first.classes:
                expected = f"classes={first.classes} as in [{first.section.name}] at line {first.section.line}"
                remedy = "The names of the classes are the same for all heads"
                place = head.section.at("classes")
                self.findings.warning(DarknetpyWarning(f"classes={head.classes}", expected, remedy, **place))


def _arrays_of(node: Node) -> list[Array]:
    return node.layer.arrays(list(node.input_shapes))


def _shapes_text(shapes: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {shape_text(shape)}" for name, shape in shapes.items())


def _unknown_section(section: Section, known: dict[str, type[Layer]]) -> ConfigError:
    name = section.name
    if name in FOREIGN:
        found, remedy = f"[{name}] is a section of {FOREIGN[name]}", "Run it there, or find a cfg made for Darknet"
        return ConfigError(found, "a section of Darknet", remedy, **section.at())
    if name in FIRST_SECTIONS:
        return ConfigError(f"a second [{name}]", "one [net], at the top", "Delete it", **section.at())
    same = [candidate for candidate in known if candidate.lower() == name.lower()]
    remedy = f"Section names are case sensitive: did you mean [{same[0]}]?" if same else _did_you_mean(name, known)
    found = f"unknown section [{printable(name)}]"
    if not remedy:
        return ConfigError(found, "a section of Darknet", "Check its name", **section.at())
    return ConfigError(found, "", remedy, **section.at())


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    hint = did_you_mean(name, known)
    return hint.replace("mean ", "mean [").replace("?", "]?") if hint else ""


def initial_weights(graph: Graph, seed: int = 0) -> None:
    """Give every layer its initial arrays, as Darknet does before training; the same seed gives the same values."""
    for node in graph.nodes:
        for array in node.arrays:
            node.layer.weights[array.name] = initialize(node, array, seed)


def initialize(node: Node, array: Array, seed: int = 0) -> np.ndarray:
    """The values that one array of a layer starts with, a new float32 array of ``array.shape``.

    They depend on the seed and on the array's place in the network, not on what else is initialized: an array that a
    weights file leaves out begins just as it does in an untrained network.
    Source: AlexeyAB/darknet src/convolutional_layer.c, connected_layer.c (uniform in +-sqrt(2 / fan_in)),
    representation_layer.c (uniform around a mean).
    """
    if not array.bound:
        return np.full(array.shape, array.initial, np.float32)
    random = np.random.default_rng([seed, node.index, node.arrays.index(array)])
    values = random.random(array.shape, np.float32)
    values *= 2 * array.bound
    values -= array.bound
    values += array.initial
    return values
