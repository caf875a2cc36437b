"""The units that coded pictures are made of, whichever way they are packed.

Source: ITU-T H.264, 7.3.1, 7.4.1 and annex B; ISO/IEC 14496-15, 5.3.3.1 (`avcC`).
"""

from __future__ import annotations

from collections.abc import Iterable

START = b"\0\0\1"
START_CODE = b"\0\0\0\1"
KIND, FORBIDDEN = 0x1F, 0x80
UNKNOWN, SEQUENCE, PICTURE, FILLER = 0, 7, 8, 12
SLICES = frozenset(range(1, 6))
SETS = frozenset({SEQUENCE, PICTURE})
AVCC_HEAD = 6


def kind_of(unit: bytes) -> int:
    return unit[0] & KIND


def units_of(data: bytes, extradata: bytes) -> list[bytes]:
    """The units of a packet, of whose stream `extradata` says how they are packed. Without what is no picture's: empty
    ones, fillers, and what a decoder must leave out; nor the zeros that may follow a unit."""
    found = _measured(data, (extradata[4] & 3) + 1) if is_avcc(extradata) else data.split(START)
    whole = (unit.rstrip(b"\0") for unit in found)
    return [unit for unit in whole if unit and not unit[0] & FORBIDDEN and kind_of(unit) not in {UNKNOWN, FILLER}]


def is_avcc(extradata: bytes) -> bool:
    return len(extradata) > AVCC_HEAD and extradata[0] == 1


def _measured(data: bytes, length_bytes: int) -> list[bytes]:
    """Each unit behind its length. What is cut off is left out."""
    found, place = [], 0
    while place + length_bytes <= len(data):
        length = int.from_bytes(data[place : place + length_bytes])
        place += length_bytes
        if place + length <= len(data):
            found.append(data[place : place + length])
        place += length
    return found


def sets_of(units: Iterable[bytes]) -> tuple[bytes, ...]:
    """The parameter sets among them; empty unless there are both kinds, for one is nothing without the other."""
    found = tuple(dict.fromkeys(unit for unit in units if kind_of(unit) in SETS))
    return found if {kind_of(unit) for unit in found} == SETS else ()


def sets_in(extradata: bytes) -> tuple[bytes, ...]:
    """The parameter sets that are known apart from the packets."""
    return sets_of(_listed(extradata) if is_avcc(extradata) else units_of(extradata, b""))


def _listed(extradata: bytes) -> list[bytes]:
    """Of an `avcC`: first those of sequences, then those of pictures, each behind its length of two bytes."""
    found, place = list[bytes](), AVCC_HEAD - 1
    for mask in (0x1F, 0xFF):
        count = extradata[place] & mask if place < len(extradata) else 0
        place += 1
        for _ in range(count):
            length = int.from_bytes(extradata[place : place + 2])
            found.append(extradata[place + 2 : place + 2 + length])
            place += 2 + length
    return [unit for unit in found if unit]


def has_slice(units: Iterable[bytes]) -> bool:
    """Whether there is something of a picture among them."""
    return any(kind_of(unit) in SLICES for unit in units)


def packed(units: Iterable[bytes]) -> bytes:
    """As annex B."""
    return b"".join(START_CODE + unit for unit in units)
