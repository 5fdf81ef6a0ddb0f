"""Tables leave out what matters least."""

from __future__ import annotations

import pytest

from darknetpy.cli.table import Column, Table

pytestmark = pytest.mark.quick

COLUMNS = [
    Column("#", ["9", "10"], number=True),
    Column("kernel", ["a", "long name"], rank=3),
    Column("output", ["1x2", "3"], rank=2),
    Column("ms", ["0.5", "12.0"], number=True),
]


@pytest.mark.parametrize(
    ("room", "titles"),
    [(80, "# kernel output ms"), (27, "# kernel output ms"), (26, "# output ms"), (16, "# output ms"), (15, "# ms"),
     (3, "# ms")],
)  # fmt: skip
def test_columns_go_by_rank(room: int, titles: str) -> None:
    assert [column.title for column in Table(COLUMNS).fitting(room)] == titles.split()


def test_text_is_as_wide_as_needed_and_ends_with_the_lines() -> None:
    assert str(Table(COLUMNS, ["done"])).splitlines() == [
        " #  kernel     output    ms",
        " 9  a          1x2      0.5",
        "10  long name  3       12.0",
        "",
        "done",
    ]


def test_lines_stand_alone_where_there_are_no_columns() -> None:
    assert str(Table([], ["one", "two"])) == "one\ntwo"
