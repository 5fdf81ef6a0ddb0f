"""A network's layers as a table: what each does, what it gives, what it costs and what it sees."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from darknetpy.graph import INPUT, Graph, Node
from darknetpy.layers.base import Shape, shape_text, size_of
from darknetpy.receptive_field import Field, receptive_fields
from darknetpy.weights.header import LONG
from darknetpy.weights.layout import VALUE_BYTES, layout, total_bytes

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, JustifyMethod, OverflowMethod, RenderResult
    from rich.table import Table

NARROWEST_OPTIONS = 16  # columns of a terminal; with less room the column of options is left out
GAP = 2  # characters between columns
WIDE = 10_000  # columns, more than any table needs


@dataclass(frozen=True)
class Row:
    """One layer."""

    index: int
    type: str
    short: str
    """What its section sets, in a few words."""
    options: dict[str, Any]
    """The same as values by name: every option that the cfg gives."""
    sources: tuple[int, ...]
    """Where its inputs come from; -1 is the network's input."""
    output_shape: Shape
    """(c, h, w) or (length,) of one picture."""
    parameters: int
    flops: int
    """Floating-point operations for one picture, a multiply-add counted as 2."""
    receptive_field: tuple[int, int] | None
    """Height and width of what one value sees, in pixels of the input; None where it sees the whole picture."""

    @property
    def follows(self) -> bool:
        """Whether its only input is the layer before it, as usual."""
        return self.sources == (self.index - 1,)


@dataclass(frozen=True)
class Totals:
    """The whole network."""

    layers: int
    parameters: int
    flops: int
    """Floating-point operations for one picture."""
    weights_bytes: int
    """Length of its weights file with the header of today's Darknet."""
    activation_bytes: int
    """Inputs and outputs of layers that must be held at the same time, at most, for one picture in float32."""


class Summary:
    """The table of a network; ``str`` gives it as text, rich's ``Console.print`` as wide as the terminal allows.

    Attributes: ``path`` of the cfg or None, ``input_shape``, ``rows`` (a :class:`Row` a layer), ``totals``.

    >>> from darknetpy.config.sections import parse_cfg
    >>> from darknetpy.graph import build_graph
    >>> graph = build_graph(parse_cfg("[net]\\ninputs=4\\n[connected]\\noutput=2\\nactivation=linear\\n[softmax]\\n"))
    >>> print(Summary(graph))
    #  type       options           output  parameters  MFLOPs  receptive field
    0  connected  output 2, linear  2x1x1           10    0.00      whole input
    1  softmax                      2                0    0.00      whole input
    <BLANKLINE>
    input         4
    layers        2
    parameters    10
    weights file  60 bytes
    operations    0.000 GFLOPs a picture
    activations   24 bytes a picture, held at once
    """

    def __init__(self, graph: Graph) -> None:
        self.path, self.input_shape = graph.cfg.path, graph.input_shape
        fields = receptive_fields(graph)
        self.rows = tuple(_row(node, field) for node, field in zip(graph.nodes, fields, strict=True))
        self.totals = Totals(
            layers=len(graph.nodes),
            parameters=graph.parameters,
            flops=graph.flops,
            weights_bytes=LONG + total_bytes(layout(graph)),
            activation_bytes=activation_bytes(graph),
        )

    def to_json(self) -> str:
        """One JSON document: ``network`` (path), ``input_shape``, ``layers`` (the rows) and ``totals``."""
        document = {
            "network": self.path,
            "input_shape": self.input_shape,
            "layers": [asdict(row) for row in self.rows],
            "totals": asdict(self.totals),
        }
        return json.dumps(document, indent=1)

    def __str__(self) -> str:
        from rich.console import Console

        console = Console(file=io.StringIO(), width=WIDE, color_system=None, force_terminal=False)
        with console.capture() as captured:
            console.print(self)
        return "\n".join(line.rstrip() for line in captured.get().splitlines())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        yield self._fitting_table(console, options)
        yield Text()
        for name, text in self._totals_in_words():
            yield Text(f"{name:12}  {text}")

    def _fitting_table(self, console: Console, options: ConsoleOptions) -> Table:
        """The table with as many columns as there is room for; the least needed go first."""
        from rich.table import Table
        from rich.text import Text

        columns, widths = self._fitting_columns(options.max_width)
        table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
        overflow: OverflowMethod = "crop" if options.ascii_only else "ellipsis"
        for column, width in zip(columns, widths, strict=True):
            justify: JustifyMethod = "right" if column.number else "left"
            table.add_column(column.title, justify=justify, no_wrap=True, overflow=overflow, width=width)
        for row in self.rows:
            table.add_row(*(Text(column.text(row)) for column in columns))
        return table

    def _fitting_columns(self, room: int) -> tuple[list[Column], list[int]]:
        """The columns for a terminal of so many characters, and their widths; options are cut before others go."""
        columns = [column for column in _COLUMNS if column is not _FROM or not all(row.follows for row in self.rows)]
        widths = {column: column.width(self.rows) for column in columns}
        longest = widths.get(_OPTIONS, 0)
        widths[_OPTIONS] = min(longest, NARROWEST_OPTIONS)
        for column in _LEAST_NEEDED_FIRST:
            if _together(widths) > room:
                widths.pop(column, None)
        if _OPTIONS in widths:
            widths[_OPTIONS] = min(longest, max(widths[_OPTIONS], widths[_OPTIONS] + room - _together(widths)))
        return list(widths), list(widths.values())

    def _totals_in_words(self) -> list[tuple[str, str]]:
        totals = self.totals
        return [
            ("input", shape_text(self.input_shape)),
            ("layers", f"{totals.layers:,}"),
            ("parameters", f"{totals.parameters:,}"),
            ("weights file", f"{totals.weights_bytes:,} bytes"),
            ("operations", f"{totals.flops / 1e9:,.3f} GFLOPs a picture"),
            ("activations", f"{totals.activation_bytes:,} bytes a picture, held at once"),
        ]


def activation_bytes(graph: Graph) -> int:
    """The most bytes of inputs and outputs that are alive at once in the plain run of one picture, float32."""
    last = graph.last_uses({graph.output_index})
    sizes = {INPUT: size_of(graph.input_shape)}
    alive = most = sizes[INPUT]
    for node in graph.nodes:
        sizes[node.index] = size_of(node.output_shape)
        alive += sizes[node.index]
        most = max(most, alive)
        alive -= sum(sizes[index] for index in {*node.sources, node.index} if last.get(index) == node.index)
    return VALUE_BYTES * most


def _row(node: Node, field: Field | None) -> Row:
    return Row(
        index=node.index,
        type=node.type,
        short=node.layer.short(),
        options={name: value for name, value in node.options.items() if name in node.options.given},
        sources=node.sources,
        output_shape=node.output_shape,
        parameters=node.parameters,
        flops=node.flops,
        receptive_field=None if field is None else (field.height, field.width),
    )


@dataclass(frozen=True)
class Column:
    """One column of the table: its title, what stands in it, and whether that is a number."""

    title: str
    text: Callable[[Row], str]
    number: bool = False

    def width(self, rows: Sequence[Row]) -> int:
        """How many characters of a terminal it takes."""
        from rich.cells import cell_len

        return max(cell_len(text) for text in (self.title, *map(self.text, rows)))


def _seen(row: Row) -> str:
    return "whole input" if row.receptive_field is None else shape_text(row.receptive_field)


def _sources(row: Row) -> str:
    return "" if row.follows else ", ".join("input" if source == INPUT else str(source) for source in row.sources)


_INDEX = Column("#", lambda row: str(row.index), number=True)
_TYPE = Column("type", lambda row: row.type)
_OPTIONS = Column("options", lambda row: row.short)
_FROM = Column("from", _sources)
_OUTPUT = Column("output", lambda row: shape_text(row.output_shape))
_PARAMETERS = Column("parameters", lambda row: f"{row.parameters:,}", number=True)
_MEGAFLOPS = Column("MFLOPs", lambda row: f"{row.flops / 1e6:,.2f}", number=True)
_SEEN = Column("receptive field", _seen, number=True)
_COLUMNS = (_INDEX, _TYPE, _OPTIONS, _FROM, _OUTPUT, _PARAMETERS, _MEGAFLOPS, _SEEN)
_LEAST_NEEDED_FIRST = (_SEEN, _FROM, _MEGAFLOPS, _OPTIONS, _PARAMETERS)


def _together(widths: dict[Column, int]) -> int:
    """Characters of a line with columns of these widths."""
    return sum(widths.values()) + GAP * (len(widths) - 1)
