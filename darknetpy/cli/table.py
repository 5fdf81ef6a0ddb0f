"""Tables that fit a terminal: the columns that matter least are left out where there is no room."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult

GAP = 2  # characters between columns
WIDE = 10_000  # columns, more than any table needs


@dataclass(frozen=True)
class Column:
    """A column: its title, a text for each row, whether those are numbers, and how much it matters (1: stays)."""

    title: str
    texts: Sequence[str]
    number: bool = False
    rank: int = 1

    @property
    def width(self) -> int:
        """How many characters of a terminal it takes."""
        from rich.cells import cell_len

        return max(cell_len(text) for text in (self.title, *self.texts))


class Table:
    """Columns side by side, then some lines; ``str`` gives it as text, rich draws it as wide as the terminal allows.

    >>> print(Table([Column("#", ["0", "1"], number=True), Column("type", ["route", "yolo"])], ["2 layers"]))
    #  type
    0  route
    1  yolo
    <BLANKLINE>
    2 layers
    """

    def __init__(self, columns: Sequence[Column], lines: Sequence[str] = ()) -> None:
        self.columns, self.lines = columns, lines

    def __str__(self) -> str:
        from rich.console import Console

        console = Console(file=io.StringIO(), width=WIDE, color_system=None, force_terminal=False)
        with console.capture() as captured:
            console.print(self)
        return "\n".join(line.rstrip() for line in captured.get().splitlines())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
        columns = self.fitting(options.max_width)
        for column in columns:
            justify: JustifyMethod = "right" if column.number else "left"
            table.add_column(column.title, justify=justify, no_wrap=True, overflow="crop")
        for texts in zip(*(column.texts for column in columns), strict=True):
            table.add_row(*map(Text, texts))
        if columns:
            yield table
        if columns and self.lines:
            yield Text()
        yield from map(Text, self.lines)

    def fitting(self, room: int) -> list[Column]:
        """The columns for so many characters: those of the highest rank go first, the last of them before others."""
        columns = list(self.columns)
        while sum(column.width + GAP for column in columns) - GAP > room:
            least = max(range(len(columns)), key=lambda place: (columns[place].rank, place), default=0)
            if not columns or columns[least].rank == 1:
                break
            del columns[least]
        return columns
