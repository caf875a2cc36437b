"""NAL units of H.264 packets, with start codes (annex B) or with lengths (`avcC`).

Source: ITU-T H.264, 7.3.1, 7.4.1 and annex B; ISO/IEC 14496-15, 5.3.3.1 (`avcC`).
"""

from __future__ import annotations

from collections.abc import Iterable

SHORT_START_CODE = b"\0\0\1"
START_CODE = b"\0\0\0\1"
TYPE_MASK, FORBIDDEN_BIT = 0x1F, 0x80
UNSPECIFIED, SPS, PPS, FILLER = 0, 7, 8, 12
SLICES = frozenset(range(1, 6))
PARAMETER_SETS = frozenset({SPS, PPS})
AVCC_HEADER_BYTES = 6


def unit_type(unit: bytes) -> int:
    return unit[0] & TYPE_MASK


def split_units(data: bytes, extradata: bytes) -> list[bytes]:
    """The NAL units of a packet; `extradata` of its stream says how they are delimited. Without trailing zeros, and
    without empty units, fillers, and units that a decoder must ignore."""
    # A start code of four bytes leaves its first zero at the end of the unit before it. No unit ends with a zero
    # (7.4.1), so all zeros there are start code or padding. `repair` relies on that.
    found = _length_prefixed(data, (extradata[4] & 3) + 1) if is_avcc(extradata) else data.split(SHORT_START_CODE)
    whole = (unit.rstrip(b"\0") for unit in found)
    return [
        unit for unit in whole if unit and not unit[0] & FORBIDDEN_BIT and unit_type(unit) not in {UNSPECIFIED, FILLER}
    ]


def is_avcc(extradata: bytes) -> bool:
    # `avcC` begins with its version 1, annex B with a zero.
    return len(extradata) > AVCC_HEADER_BYTES and extradata[0] == 1


def _length_prefixed(data: bytes, length_bytes: int) -> list[bytes]:
    """Units with a length before each. A unit that is cut off is left out."""
    found, offset = [], 0
    while offset + length_bytes <= len(data):
        length = int.from_bytes(data[offset : offset + length_bytes])
        offset += length_bytes
        if offset + length <= len(data):
            found.append(data[offset : offset + length])
        offset += length
    return found


def parameter_sets(units: Iterable[bytes]) -> tuple[bytes, ...]:
    """The parameter sets among `units`; empty unless there are SPS and PPS, as neither is of use alone."""
    found = tuple(dict.fromkeys(unit for unit in units if unit_type(unit) in PARAMETER_SETS))
    return found if {unit_type(unit) for unit in found} == PARAMETER_SETS else ()


def parameter_sets_in(extradata: bytes) -> tuple[bytes, ...]:
    """The parameter sets that a stream announces outside its packets."""
    return parameter_sets(_sets_of_avcc(extradata) if is_avcc(extradata) else split_units(extradata, b""))


def _sets_of_avcc(extradata: bytes) -> list[bytes]:
    """The parameter sets in `avcC`: first SPS, then PPS, each after its length of two bytes."""
    found, offset = list[bytes](), AVCC_HEADER_BYTES - 1
    # The number of SPS has five bits, that of PPS eight. Both come from the camera, so the bytes may end too early.
    for mask in (0x1F, 0xFF):
        count = extradata[offset] & mask if offset < len(extradata) else 0
        offset += 1
        for _ in range(count):
            length = int.from_bytes(extradata[offset : offset + 2])
            found.append(extradata[offset + 2 : offset + 2 + length])
            offset += 2 + length
    return [unit for unit in found if unit]


def has_slice(units: Iterable[bytes]) -> bool:
    """Whether `units` contain a part of a picture."""
    return any(unit_type(unit) in SLICES for unit in units)


def to_annex_b(units: Iterable[bytes]) -> bytes:
    return b"".join(START_CODE + unit for unit in units)
