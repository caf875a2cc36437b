from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.telescope.driver.protocol import LONGEST_BYTES, CommandError, ReplyReader, check_reply, number_in
from tests.cameras.drivers.telescope.recorded_replies import OLDER_STATUS, live_status

REPLIES = [
    "DONE",
    "DONE 1.498",
    "ERROR incorrect args: command [expose], args[['True', '1']], expected [['shutter', 'exptime']]",
    live_status(),
    live_status(comment="'a, b, and c'"),
    live_status(comment='"it\'s, well, done"'),
    OLDER_STATUS,
]


def read_bytes(content: bytes) -> tuple[str, int]:
    """What a reader makes of single bytes: the reply, and after how many bytes it was complete; 0: never."""
    reader = ReplyReader()
    taken = next((place for place in range(len(content)) if reader.feed(content[place : place + 1])), -1)
    return reader.text, taken + 1


@pytest.mark.parametrize("reply", REPLIES)
def test_a_reply_ends_with_its_last_line(reply: str) -> None:
    content = reply.encode() + b"\n"
    assert read_bytes(content) == (reply, len(content))


@pytest.mark.parametrize("reply", REPLIES)
def test_a_reply_in_one_piece_is_the_same(reply: str) -> None:
    reader = ReplyReader()
    assert (reader.feed(reply.encode() + b"\n"), reader.text) == (True, reply)


@pytest.mark.parametrize("ending", [b"\r\n", b"\0", b" \n", b"\n\0\0"])
def test_a_reply_may_end_as_another_server_ends_it(ending: bytes) -> None:
    reader = ReplyReader()
    assert (reader.feed(b"DONE" + ending), reader.text) == (True, "DONE")


def test_empty_lines_before_a_reply_are_no_reply() -> None:
    reader = ReplyReader()
    assert [reader.feed(piece) for piece in (b"\n", b" \r\n", b"DONE\n")] == [False, False, True]


def test_what_follows_a_complete_reply_is_no_part_of_it() -> None:
    reader = ReplyReader()
    assert (reader.feed(b"DONE\nERROR more\n"), reader.text) == (True, "DONE")


@pytest.mark.parametrize("reply", [*REPLIES, live_status()[:100], "half a rep"])
def test_a_server_that_closes_needs_no_line_feed(reply: str) -> None:
    reader = ReplyReader()
    reader.feed(reply.encode())
    assert reader.at_end() == reply


def test_a_server_that_closes_without_a_byte_has_given_no_reply() -> None:
    with pytest.raises(ConnectionError, match="closed the connection without a reply"):
        ReplyReader().at_end()


@pytest.mark.parametrize("reply", ["DONE", "DONE 1.5", "ERROR no", OLDER_STATUS])
def test_a_whole_reply_without_an_end_counts_at_the_deadline(reply: str) -> None:
    reader = ReplyReader()
    reader.feed(reply.encode())
    assert reader.at_deadline() == reply


@pytest.mark.parametrize("part", ["", "DO", "DONE {'ready': True,\n 'state': 'star", "[DONE {'ready': True,"])
def test_the_first_part_of_a_reply_does_not_count_at_the_deadline(part: str) -> None:
    reader = ReplyReader()
    reader.feed(part.encode())
    assert reader.at_deadline() is None


def test_a_reply_without_end_is_refused() -> None:
    with pytest.raises(ConnectionError, match="more than 65536 bytes"):
        ReplyReader().feed(b"x" * (LONGEST_BYTES + 1))


def test_a_reply_may_be_longer_than_the_buffer_of_the_c_client() -> None:
    reply = live_status(comment=f"'{'long, ' * 300}'")
    reader = ReplyReader()
    assert (reader.feed(reply.encode() + b"\n"), reader.text) == (True, reply)


def test_only_the_first_word_decides() -> None:
    assert check_reply("status", live_status()) == live_status()


@pytest.mark.parametrize("reply", ["DONE", "DONE 1.5", "DONE{'ready': True}", "[DONE {'ready': True}]", " DONE"])
def test_done_is_done(reply: str) -> None:
    assert check_reply("clear 20", reply) == reply


@pytest.mark.parametrize(
    "reply", ["ERROR incorrect args", "ERROR", "[ERROR x]", "DON", "NOT DONE", "DONENESS", "", "-1"]
)
def test_a_refusal_carries_the_whole_reply(reply: str) -> None:
    with pytest.raises(CommandError, match="refused 'clear 20'") as refusal:
        check_reply("clear 20", reply)
    assert refusal.value.reply == reply


@pytest.mark.parametrize(
    ("reply", "number"), [("DONE 1.498", 1.498), ("DONE", None), ("DONE nan", None), ("DONE -1", None), ("", None)]
)
def test_a_number_is_read_where_there_is_one(reply: str, number: float | None) -> None:
    assert number_in(reply) == number


@given(st.lists(st.binary(max_size=200), max_size=30))
def test_no_bytes_make_the_reader_fail(pieces: list[bytes]) -> None:
    reader = ReplyReader()
    assert {type(reader.feed(piece)) for piece in pieces} <= {bool}
    assert isinstance(reader.text, str)


@given(st.sampled_from(REPLIES), st.lists(st.integers(0, 900)))
def test_a_reply_may_be_cut_anywhere(reply: str, cuts: list[int]) -> None:
    content = reply.encode() + b"\n"
    places = sorted({0, len(content), *(cut for cut in cuts if cut < len(content))})
    reader = ReplyReader()
    found = [reader.feed(content[begin:end]) for begin, end in itertools.pairwise(places)]
    assert (found[-1], any(found[:-1]), reader.text) == (True, False, reply)
