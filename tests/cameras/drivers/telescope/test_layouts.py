"""The C scheduler's structures as bytes, against those of a C compiler."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.telescope.driver.field import SKY_CODE, Field
from scheduler.telescope.driver.header import FitsHeader
from scheduler.telescope.driver.layouts import (
    CAMERA_STATUS,
    FIELD,
    FITS_HEADER,
    FITS_WORD,
    NUMBERS,
    OBSERVED,
    pack_camera_status,
    pack_field,
    pack_fields,
    pack_header,
    unpack_camera_status,
    unpack_field,
    unpack_fields,
    unpack_header,
)
from scheduler.telescope.driver.status import CameraStatus
from tests.harness.far_ends.c_scheduler.build import CScheduler

LAYOUTS = {"Field": FIELD, "Camera_Status": CAMERA_STATUS, "Fits_Word": FITS_WORD, "Fits_Header": FITS_HEADER}

seeds = st.integers(0, 2**32)
int32 = st.integers(-(2**31), 2**31 - 1)
doubles = st.floats(allow_nan=False)
letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
ascii_texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))


def texts(most: int) -> st.SearchStrategy[str]:
    return st.text(letters).filter(lambda text: len(text.encode()) <= most)


def garbage(seed: int, size: int) -> bytes:
    """Bytes as a C program leaves them in memory."""
    return Random(seed).randbytes(size)


@st.composite
def fields(draw: st.DrawFn) -> Field:
    n_done = draw(st.integers(0, 3) | st.just(100))
    own = Random(draw(seeds))
    numbers: dict[str, Any] = {name: draw(int32 if FIELD[name].kind == "i" else doubles) for name in NUMBERS}
    observed = {name: [own.uniform(-1e9, 1e9) for _ in range(n_done)] for name in OBSERVED}
    names = [f"{own.randrange(10**15)}" for _ in range(n_done)]
    return Field(**{**numbers, **observed, "n_done": n_done, "script_line": draw(texts(1023)), "filename": names})


statuses = st.builds(
    CameraStatus, st.booleans(), st.booleans(), int32, texts(1023), texts(1023), texts(1023), doubles,
    st.lists(int32, min_size=19, max_size=19),
)  # fmt: skip


def with_n_done(memory: bytes, n_done: int) -> bytes:
    return memory[:1176] + n_done.to_bytes(4, "little", signed=True) + memory[1180:]


def test_each_member_is_where_a_c_compiler_puts_it(c_scheduler: CScheduler) -> None:
    members = {
        (structure, name): (offset, kind.itemsize)
        for structure, layout in LAYOUTS.items()
        for name, (kind, offset, *_) in (layout.fields or {}).items()
    }
    sizes = {(structure, "-"): (0, layout.itemsize) for structure, layout in LAYOUTS.items()}
    assert members | sizes == c_scheduler.layout()


def test_the_sizes_are_those_of_the_scheduler() -> None:
    assert [layout.itemsize for layout in LAYOUTS.values()] == [7608, 3168, 512, 51204]


def text_memory(text: str, rest: bytes) -> bytes:
    """The 256 bytes of a text in a header, with the first bytes of `rest` behind its NUL."""
    content = text.encode() + b"\0"
    return content + rest[: 256 - len(content)]


# Fields


@given(fields())
def test_a_field_is_the_same_after_packing(packed: Field) -> None:
    assert unpack_field(pack_field(packed)) == packed


@given(seeds, st.integers(0, 100))
def test_any_memory_of_a_field_is_packed_identically(seed: int, n_done: int) -> None:
    memory = with_n_done(garbage(seed, 7608), n_done)
    assert pack_field(unpack_field(memory), onto=memory) == memory


@given(seeds, fields())
def test_a_field_packed_onto_any_memory_is_that_field(seed: int, packed: Field) -> None:
    assert unpack_field(pack_field(packed, onto=garbage(seed, 7608))) == packed


@pytest.mark.parametrize("bits", [0x7FF0000000000001, 0xFFF8000000000123, 0x8000000000000000])
def test_the_bits_of_a_number_that_equals_no_other_stay(bits: int) -> None:
    number = bits.to_bytes(8, "little")
    memory = bytearray(with_n_done(bytes(7608), 1))
    memory[1048:1056] = memory[2008:2016] = number
    packed = pack_field(unpack_field(bytes(memory)))
    assert packed[1048:1056] == packed[2008:2016] == number


def test_undefined_bytes_are_zero_without_an_earlier_memory() -> None:
    packed = pack_field(Field(0.0, 0, script_line="# a", n_required=0))
    assert packed == bytes(20) + b"# a" + bytes(7608 - 23)


def test_a_changed_text_ends_with_a_nul_in_memory_that_had_a_longer_one() -> None:
    memory = pack_field(Field(0.01, SKY_CODE, script_line="# a long line", n_done=1, filename=["20260101030000s"]))
    changed = unpack_field(memory)
    changed.script_line, changed.filename = "# short", ["2026"]
    packed = pack_field(changed, onto=memory)
    assert packed[20:34] == b"# short" + bytes(7)
    assert packed[6008:6024] == b"2026" + bytes(12)


def test_what_follows_the_nul_of_an_unchanged_text_stays() -> None:
    memory = bytearray(pack_field(Field(0.01, SKY_CODE, script_line="# a")))
    memory[24:28] = b"rest"
    changed = unpack_field(bytes(memory))
    changed.ra = 5.5
    packed = pack_field(changed, onto=bytes(memory))
    assert (changed.script_line, packed[20:28]) == ("# a", b"# a\0rest")
    assert unpack_field(packed).ra == 5.5


def test_bytes_that_are_no_utf_8_are_replaced_and_stay_in_memory() -> None:
    memory = bytes(20) + b"# \xe9" + bytes(7608 - 23)
    read = unpack_field(memory)
    assert read.script_line == "# \N{REPLACEMENT CHARACTER}"
    assert pack_field(read, onto=memory) == memory


def test_a_file_name_of_the_whole_length_has_no_nul() -> None:
    memory = bytearray(with_n_done(bytes(7608), 2))
    memory[6008:6026] = b"20260101030000slxy"
    assert unpack_field(bytes(memory)).filename == ["20260101030000sl", "xy"]


def test_of_the_lists_of_a_field_n_done_elements_are_packed() -> None:
    packed = unpack_field(pack_field(Field(0.01, SKY_CODE, n_done=2, ut=[1.0, 2.0, 3.0], jd=[4.0], filename=["a"])))
    assert (packed.ut, packed.jd, packed.am, packed.filename) == ([1.0, 2.0], [4.0, 0.0], [0.0, 0.0], ["a", ""])


def test_fields_that_are_added_follow_those_of_the_earlier_memory() -> None:
    first, second = Field(0.01, SKY_CODE, ra=1.0), Field(0.02, SKY_CODE, ra=2.0)
    memory = garbage(0, 1044) + pack_field(first)[1044:]
    read = unpack_field(memory)
    assert pack_fields([read, second], onto=memory) == memory + pack_field(second)


def test_no_fields_are_no_bytes() -> None:
    assert pack_fields([]) == b""
    assert unpack_fields(b"") == []


@pytest.mark.parametrize("size", [0, 1, 7607, 7609, 15216])
def test_a_field_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=rf"^A Field has 7608 bytes; these are {size}\.$"):
        unpack_field(bytes(size))


def test_the_field_that_is_truncated_is_named_by_its_byte() -> None:
    with pytest.raises(ValueError, match=r"^The content is truncated: the field at byte 7608 has 100 of 7608 bytes\.$"):
        unpack_fields(bytes(7708))


@pytest.mark.parametrize("n_done", [-1, 101, 2**31 - 1, -(2**31)])
def test_a_number_of_observations_that_no_field_has_is_refused(n_done: int) -> None:
    memory = bytes(7608) + with_n_done(bytes(7608), n_done)
    sentence = rf"^fields\[1\], at byte 7608, has an n_done of {n_done}; allowed are 0 to 100\.$"
    with pytest.raises(ValueError, match=sentence):
        unpack_fields(memory)
    with pytest.raises(ValueError, match=sentence):
        pack_fields([Field(0.01, SKY_CODE), Field(0.01, SKY_CODE, n_done=n_done)])


WHOLE = "must be a whole number from -2147483648 to 2147483647"
DOUBLE = "must be a number of double precision"


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"status": 2**31}, f"fields[1].status {WHOLE}."),
        ({"line_number": 1.5}, f"fields[1].line_number {WHOLE}."),
        ({"n_done": "1"}, f"fields[1].n_done {WHOLE}."),
        ({"ra": "5.5"}, f"fields[1].ra {DOUBLE}."),
        ({"dec": None}, f"fields[1].dec {DOUBLE}."),
        ({"jd_next": 10**400}, f"fields[1].jd_next {DOUBLE}."),
        ({"n_done": 2, "ut": [1.0, "2.0"]}, f"fields[1].ut[1] {DOUBLE}."),
        ({"script_line": None}, "fields[1].script_line must be a text."),
        (
            {"script_line": "a\0b"},
            "fields[1].script_line has a NUL at byte 1, which would end the text of a C program.",
        ),
        ({"script_line": "é" * 512}, "fields[1].script_line has 1024 bytes; allowed are 1023."),
        (
            {"script_line": "a\ud800"},
            "fields[1].script_line has half of a surrogate pair at 1, which UTF-8 cannot write.",
        ),
        ({"n_done": 1, "filename": ["2" * 16]}, "fields[1].filename[0] has 16 bytes; allowed are 15."),
    ],
)
def test_a_value_that_the_structure_cannot_hold_is_named(members: dict[str, Any], sentence: str) -> None:
    wrong = Field(**{"expt": 0.01, "shutter": SKY_CODE, "n_done": 0, **members})
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        pack_fields([Field(0.01, SKY_CODE, n_done=3), wrong])


# Headers


@given(st.lists(st.tuples(ascii_texts.map(lambda text: f"k{text.replace(' ', '')}"), ascii_texts), max_size=100))
def test_a_header_is_the_same_after_packing(words: list[tuple[str, str]]) -> None:
    header = FitsHeader(words)
    assert unpack_header(pack_header(header)).words == header.words


@given(seeds, st.lists(st.sampled_from(["lst", "ha", "comment"]), max_size=100), st.sampled_from(["", " ", "4.5"]))
def test_what_a_header_does_not_define_stays_in_memory(seed: int, keywords: list[str], value: str) -> None:
    rest = garbage(seed, 51204)
    words = b"".join(text_memory(keyword, rest) + text_memory(value, rest) for keyword in keywords)
    memory = len(keywords).to_bytes(4, "little") + words + rest[4 + len(words) :]
    assert pack_header(unpack_header(memory), onto=memory) == memory


def test_a_changed_word_alone_is_written() -> None:
    memory = bytearray(pack_header(FitsHeader([("lst", "0.0"), ("ha", "0.0")])))
    memory[4 + 512 + 4] = 0xA5
    header = unpack_header(bytes(memory))
    header.update("lst", "4.5000")
    packed = pack_header(header, onto=bytes(memory))
    assert packed[260:267] == b"4.5000\0"
    assert packed[4 + 512 :] == memory[4 + 512 :]


@pytest.mark.parametrize("count", [-1, 101])
def test_a_number_of_words_that_no_header_has_is_refused(count: int) -> None:
    memory = count.to_bytes(4, "little", signed=True) + bytes(51200)
    with pytest.raises(
        ValueError, match=rf"^The header, at byte 0, has a num_words of {count}; allowed are 0 to 100\.$"
    ):
        unpack_header(memory)


def test_a_word_that_is_no_fits_word_is_refused() -> None:
    memory = (1).to_bytes(4, "little") + b"l st".ljust(256, b"\0") + bytes(51200 - 256)
    with pytest.raises(ValueError, match="The FITS keyword 'l st' is not one word of printable ASCII"):
        unpack_header(memory)


# Statuses


@given(statuses)
def test_a_status_is_the_same_after_packing(status: CameraStatus) -> None:
    assert unpack_camera_status(pack_camera_status(status)) == status


@given(seeds)
def test_any_memory_of_a_status_is_packed_identically(seed: int) -> None:
    memory = garbage(seed, 3168)
    assert pack_camera_status(unpack_camera_status(memory), onto=memory) == memory


def test_a_status_that_was_not_reported_is_false() -> None:
    unpacked = unpack_camera_status(pack_camera_status(CameraStatus(ready=None, error=None), onto=b"\1\1"))
    assert (unpacked.ready, unpacked.error) == (False, False)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (CameraStatus(state_val=[0] * 18), "state_val has 18 numbers; it must have 19."),
        (CameraStatus(state_val=[0] * 18 + [2**31]), f"state_val[18] {WHOLE}."),
        (CameraStatus(error_code=2**31), f"error_code {WHOLE}."),
        (CameraStatus(comment="a" * 1024), "comment has 1024 bytes; allowed are 1023."),
    ],
)
def test_a_status_that_the_structure_cannot_hold_is_refused(status: CameraStatus, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        pack_camera_status(status)


@pytest.mark.parametrize(
    ("unpack", "sentence"),
    [
        (unpack_header, "A Fits_Header has 51204 bytes; these are 7."),
        (unpack_camera_status, "A Camera_Status has 3168 bytes; these are 7."),
    ],
)
def test_a_structure_of_another_size_is_refused(unpack: Callable[[bytes], object], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        unpack(bytes(7))


def test_the_layouts_read_a_file_of_structures_without_copying() -> None:
    content = pack_fields([Field(0.01, SKY_CODE, ra=1.5), Field(0.01, SKY_CODE, ra=2.5)])
    assert np.frombuffer(content, FIELD)["ra"].tolist() == [1.5, 2.5]
