"""Headers of 16 and 20 bytes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from darknetpy.weights.header import (
    LARGEST_SEEN,
    Header,
    forks_disagree,
    header_size,
    is_byte_swapped,
    is_plausible,
    is_transposed,
    make_header,
    parse_header,
    parse_version,
    version_text,
)


@pytest.mark.parametrize(
    ("version", "size"),
    [((0, 0, 0), 16), ((0, 1, 0), 16), ((0, 2, 0), 20), ((0, 2, 5), 20), ((1, 0, 0), 20), ((0, 1000, 0), 16),
     ((0, 1001, 0), 16), ((1001, 0, 0), 16), ((1001, 2, 0), 16), ((999, 0, 0), 20), ((0, 999, 0), 20)],
)  # fmt: skip
def test_the_version_says_how_long_the_header_is(version: tuple[int, int, int], size: int) -> None:
    assert header_size(version) == size


@pytest.mark.parametrize(
    ("version", "transposed"), [((0, 2, 5), False), ((1000, 0, 0), False), ((1001, 0, 0), True), ((0, 1001, 0), True)]
)
def test_transposed_files_have_a_number_above_1000(version: tuple[int, int, int], transposed: bool) -> None:
    assert is_transposed(version) is transposed
    assert Header(version, 0, 16).transposed is transposed


def test_only_versions_from_1000_on_leave_the_length_open() -> None:
    assert forks_disagree((1000, 0, 0))
    assert forks_disagree((0, 1000, 0))
    assert not forks_disagree((999, 999, 5000))


@pytest.mark.parametrize(
    ("version", "plausible"),
    [((0, 0, 0), True), ((0, 2, -7), True), ((1099, 1099, 0), True), ((1100, 0, 0), False), ((0, 1100, 0), False),
     ((-1, 0, 0), False), ((0, -1, 0), False), ((2**31 - 1, 0, 0), False)],
)  # fmt: skip
def test_major_and_minor_stay_below_1100(version: tuple[int, int, int], plausible: bool) -> None:
    assert is_plausible(version) is plausible


def test_both_forms_are_written_byte_for_byte() -> None:
    assert make_header(Header((0, 1, 0), 7, 16)) == b"\0\0\0\0\1\0\0\0\0\0\0\0\7\0\0\0"
    assert make_header(Header((0, 2, 5), 2**40, 20)) == b"\0\0\0\0\2\0\0\0\5\0\0\0\0\0\0\0\0\1\0\0"


numbers = st.integers(-(2**31), 2**31 - 1)


@settings(deadline=None, derandomize=True)
@given(version=st.tuples(numbers, numbers, numbers), seen=st.integers(0, 2**63 - 1), size=st.sampled_from([16, 20]))
def test_a_header_comes_back_as_it_was_written(version: tuple[int, int, int], seen: int, size: int) -> None:
    header = Header(version, min(seen, LARGEST_SEEN[size]), size)
    data = make_header(header)
    assert len(data) == size
    assert parse_header(data + b"more", size) == header
    assert parse_version(data) == version


def test_bytes_in_reverse_order_are_recognised() -> None:
    assert is_byte_swapped(struct.pack(">iii", 0, 2, 5))
    assert not is_byte_swapped(struct.pack("<iii", 0, 2, 5))
    assert not is_byte_swapped(b"<!DOCTYPE ht")


def test_a_version_is_shown_without_its_revision() -> None:
    assert version_text((0, 2, 5)) == "0.2"
