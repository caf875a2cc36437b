"""JPEGs are found by their own structure, whatever a camera sends between them, and with a bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.drivers.network.jpeg_connection import MOST_SEGMENTS, START, JpegFramer
from tests.harness.far_ends.network.http import PARTS
from tests.harness.far_ends.network.video import (
    jpeg,
    progressive,
    with_fill_bytes,
    with_restarts,
    with_thumbnail,
)

END = b"\xff\xd9"
KINDS: dict[str, Callable[[int], bytes]] = {
    "plain": jpeg,
    "thumbnail": lambda number: with_thumbnail(jpeg(number)),
    "restart markers": with_restarts,
    "progressive": progressive,
    "fill bytes": lambda number: with_fill_bytes(jpeg(number)),
    "all of it": lambda number: with_fill_bytes(with_thumbnail(with_restarts(number))),
}
MOST = 400
PICTURES = [make(number) for number, make in enumerate(KINDS.values())]
SMALL = b"\xff\xd8\xff\xda\x00\x02" + bytes(range(1, 255)) + END
"""What the framer takes for a picture: a scan, and its end."""

between = st.one_of(st.binary(max_size=200), st.sampled_from([b"--frame\r\n\r\n", b"\xff", b"\xff\xd8", END * 3]))
markers = st.integers(0, 255).map(lambda code: bytes([0xFF, code]))
odd_pieces = st.one_of(
    markers,
    st.binary(max_size=30),
    st.sampled_from(
        [
            START,
            END,
            SMALL,
            SMALL[:-2] + bytes(MOST),
            SMALL[:40],
            b"\xff\xd8" * 20,
            b"\xff" * 50,
            b"\xff\xe1\xff\xff",
            b"\xff\xda",
        ]
    ),
)


def framed(pieces: list[bytes]) -> list[bytes]:
    framer = JpegFramer()
    return [found for piece in pieces for found in framer.feed(piece)]


def cut(data: bytes, places: list[int]) -> Iterator[bytes]:
    """The data in pieces that end at these places."""
    begins = sorted({0, *(place % (len(data) + 1) for place in places)})
    for begin, end in zip(begins, [*begins[1:], len(data)], strict=True):
        yield data[begin:end]


def has_no_start(data: bytes) -> bool:
    return START not in data


@pytest.mark.parametrize("kind", KINDS)
def test_a_jpeg_ends_where_its_structure_says(kind: str) -> None:
    first, second = KINDS[kind](1), KINDS[kind](2)
    assert framed([first + b"behind it" + second]) == [first, second]


@pytest.mark.parametrize("form", PARTS)
def test_the_parts_of_any_camera_hold_the_same_pictures(form: str) -> None:
    pictures = [jpeg(number) for number in range(3)]
    assert framed([PARTS[form](picture) for picture in pictures]) == pictures


@pytest.mark.parametrize("place", [3, 300, 700, -300, -1])
def test_a_picture_that_another_one_cuts_off_is_dropped(place: int) -> None:
    """In its head, its tables, and its data."""
    assert framed([jpeg(1)[:place] + b"\r\n--frame\r\n\r\n" + jpeg(2)]) == [jpeg(2)]


@pytest.mark.parametrize("place", [1200, -300])
def test_the_thumbnail_of_a_picture_that_is_cut_off_is_no_picture(place: int) -> None:
    """In its tables, and in its data."""
    first, second = with_thumbnail(jpeg(1)), with_thumbnail(jpeg(2))
    assert framed([first[:place] + second]) == [second]


def test_a_picture_with_a_damaged_head_is_dropped() -> None:
    whole = with_thumbnail(jpeg(1))
    # The last table: the first one is the thumbnail's.
    damaged = b"\xff\x40".join(whole.rsplit(b"\xff\xdb", 1))
    assert framed([damaged + whole]) == [whole]


def test_a_start_and_an_end_without_a_scan_are_no_picture() -> None:
    assert framed([START + b"\xd9" + START + b"\xe0\x00\x02" + END + SMALL]) == [SMALL]


@pytest.mark.parametrize("count", [MOST_SEGMENTS - 1, MOST_SEGMENTS])
def test_a_picture_has_a_limited_number_of_segments(count: int) -> None:
    picture = SMALL[:2] + b"\xff\xfe\x00\x02" * count + SMALL[2:]
    assert framed([picture]) == ([picture] if count < MOST_SEGMENTS else [])


@pytest.mark.parametrize("places", [range(0, 100_000, 1), range(0, 100_000, 7)], ids=["bytes", "pieces"])
def test_each_byte_may_come_by_itself(places: range) -> None:
    stream = b"preamble\r\n".join(PICTURES[:2])
    assert framed(list(cut(stream, list(places)))) == PICTURES[:2]


@given(
    noise=st.lists(between.filter(has_no_start), min_size=len(PICTURES) + 1, max_size=len(PICTURES) + 1),
    places=st.lists(st.integers(0, 10**7), max_size=40),
)
def test_however_a_stream_is_cut_its_pictures_are_the_same(noise: list[bytes], places: list[int]) -> None:
    # A blank behind the noise: its last byte and the picture's first would make another start.
    stream = b"".join(before + b" " + picture for before, picture in zip(noise, PICTURES, strict=False)) + noise[-1]
    assert framed(list(cut(stream, places))) == PICTURES


@given(pieces=st.lists(odd_pieces, max_size=200))
def test_no_stream_fills_the_memory_or_gives_what_is_no_picture(pieces: list[bytes]) -> None:
    framer = JpegFramer(most_bytes=MOST)
    found = []
    for piece in pieces:
        found += framer.feed(piece)
        assert framer.held_bytes <= MOST
    stream = b"".join(pieces)
    assert all(one.startswith(START) and one.endswith(END) and one in stream for one in found)
    assert sum(map(len, found)) <= len(stream)


@given(pieces=st.lists(odd_pieces, max_size=100), places=st.lists(st.integers(0, 10**5), max_size=40))
def test_a_hostile_stream_gives_the_same_however_it_is_cut(pieces: list[bytes], places: list[int]) -> None:
    stream = b"".join(pieces)
    assert framed(list(cut(stream, places))) == framed([stream])


@given(pieces=st.lists(odd_pieces, max_size=100))
def test_after_any_rubbish_the_framer_finds_pictures_again(pieces: list[bytes]) -> None:
    framer = JpegFramer()
    framer.feed(b"".join(pieces))
    # A segment that the rubbish began may swallow what comes within its length.
    framer.feed(bytes(70_000))
    assert framer.feed(SMALL + PICTURES[1])[-1] == PICTURES[1]


def test_a_picture_that_is_too_large_is_dropped_and_counted() -> None:
    framer = JpegFramer(most_bytes=MOST)
    assert framer.feed(SMALL[:-2]) == []
    assert framer.feed(bytes(MOST)) == []
    assert (framer.too_large, framer.held_bytes) == (1, 0)
    assert framer.feed(END + SMALL) == [SMALL]
