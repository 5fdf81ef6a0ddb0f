"""The header of a weights file: three version numbers, then how many pictures were seen in training.

The count is 32 or 64 bits wide, which makes 16 or 20 bytes. Source: AlexeyAB/darknet and pjreddie/darknet
src/parser.c, load_weights_upto and save_weights_upto.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

Version = tuple[int, int, int]

VERSION_BYTES = 12
SHORT, LONG = 16, 20
LARGEST_NUMBER = 1099
"""Largest major or minor number that a weights file can sensibly have: old programs added 1000 to mark a transposed
file."""
LARGEST_SEEN = {SHORT: 2**31 - 1, LONG: 2**63 - 1}
"""Largest count that all of Darknet's programs read back from a header of so many bytes."""

_FORMATS = {SHORT: "<iiiI", LONG: "<iiiQ"}
_VERSION = struct.Struct("<iii")
_SWAPPED_VERSION = struct.Struct(">iii")


@dataclass(frozen=True)
class Header:
    """What a header says. ``size`` is its own length in bytes, 16 or 20.

    >>> parse_header(make_header(Header((0, 2, 5), seen=64, size=20)), 20).seen
    64
    """

    version: Version
    seen: int
    size: int

    @property
    def transposed(self) -> bool:
        """Whether the matrices of connected layers are stored as (inputs, outputs)."""
        return is_transposed(self.version)


def parse_version(head: bytes) -> Version:
    """The three numbers at the beginning of a file of at least 12 bytes."""
    return _VERSION.unpack_from(head)


def parse_header(head: bytes, size: int) -> Header:
    """The header in the first ``size`` (16 or 20) bytes of ``head``, which has at least so many."""
    *version, seen = struct.unpack_from(_FORMATS[size], head)
    return Header((version[0], version[1], version[2]), seen, size)


def make_header(header: Header) -> bytes:
    """The bytes of a header."""
    return struct.pack(_FORMATS[header.size], *header.version, header.seen)


def header_size(version: Version) -> int:
    """How long the header of a file of this version is: pjreddie's rule.

    From version 0.2 on the count of pictures has 64 bits, but not in transposed files, which are older.
    """
    major, minor, _ = version
    return LONG if major * 10 + minor >= 2 and not forks_disagree(version) else SHORT


def forks_disagree(version: Version) -> bool:
    """Whether AlexeyAB's program reads a header of 20 bytes where pjreddie's reads 16: only the size can decide."""
    major, minor, _ = version
    return major >= 1000 or minor >= 1000


def is_transposed(version: Version) -> bool:
    """Whether files of this version hold the matrices of connected layers as (inputs, outputs)."""
    major, minor, _ = version
    return major > 1000 or minor > 1000


def is_plausible(version: Version) -> bool:
    """Whether a Darknet program can have written this version."""
    return all(0 <= number <= LARGEST_NUMBER for number in version[:2])


def is_byte_swapped(head: bytes) -> bool:
    """Whether the version makes sense only with its bytes in reverse order, as on a big-endian machine."""
    return not is_plausible(parse_version(head)) and is_plausible(_SWAPPED_VERSION.unpack_from(head))


def version_text(version: Version) -> str:
    """A version as people write it, without the revision: ``0.2``."""
    return f"{version[0]}.{version[1]}"
