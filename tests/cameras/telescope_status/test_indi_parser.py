"""INDI's XML in whatever pieces it arrives, and what is no INDI."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterable, Iterator
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.telescope_status.indi.connection import (
    Deletion,
    DeviceMessage,
    IndiParser,
    Message,
    PropertyMessage,
    ProtocolError,
    get_properties,
    new_vector,
)

RECORDED = b"""\
<defNumberVector device="Mount" name="EQUATORIAL_EOD_COORD" label="Coordinates" state="Idle" perm="rw" timeout="60">
    <defNumber name="RA" label="RA (hh:mm:ss)" format="%010.6m" min="0" max="24" step="0">
5.25
    </defNumber>
    <defNumber name="DEC" label="DEC (dd:mm:ss)" format="%010.6m" min="-90" max="90" step="0">
-5.391
    </defNumber>
</defNumberVector>
<setNumberVector device="Mount" name="EQUATORIAL_EOD_COORD" state="Busy" timeout="60" timestamp="2026-11-25T04:30:36">
    <oneNumber name="RA">
5.5
    </oneNumber>
</setNumberVector>
<message device="Mount" timestamp="2026-11-25T04:30:35" message="[INFO] Slewing to RA: 5:30 &amp; DEC: 20"/>
<!-- A comment. -->
<defTextVector device="Wheel" name="FILTER_NAME" label="Filter" state="Ok" perm="rw" message="Names">
    <defText name="FILTER_SLOT_NAME_1" label="Filter#1">
H Alpha &lt;7 nm&gt;
    </defText>
    <defText name="FILTER_SLOT_NAME_2" label="Filter#2"/>
</defTextVector>
<setBLOBVector device="Camera" name="CCD1"><oneBLOB name="CCD1" size="4" format=".fits">AAAA</oneBLOB></setBLOBVector>
<defSwitchVector device="Wheel" name="CONNECTION" state="strange" rule="OneOfMany">
    <defSwitch name="CONNECT">On</defSwitch>
</defSwitchVector>
<pingRequest uid="1"/>
<delProperty device="Wheel" name="FILTER_NAME"/>
<delProperty device="Wheel"/>
"""
MESSAGES: list[Message] = [
    PropertyMessage("Mount", "EQUATORIAL_EOD_COORD", True, "Idle", {"RA": "5.25", "DEC": "-5.391"}),
    PropertyMessage("Mount", "EQUATORIAL_EOD_COORD", False, "Busy", {"RA": "5.5"}),
    DeviceMessage("Mount", "[INFO] Slewing to RA: 5:30 & DEC: 20"),
    PropertyMessage(
        "Wheel",
        "FILTER_NAME",
        True,
        "Ok",
        {"FILTER_SLOT_NAME_1": "H Alpha <7 nm>", "FILTER_SLOT_NAME_2": ""},
        "Names",
    ),
    PropertyMessage("Wheel", "CONNECTION", True, None, {"CONNECT": "On"}),
    Deletion("Wheel", "FILTER_NAME"),
    Deletion("Wheel", ""),
]
MB = 1024 * 1024


def parse(pieces: Iterable[bytes]) -> list[Message]:
    parser = IndiParser()
    return [message for piece in pieces for message in parser.feed(piece)]


def pieces_of(content: bytes, ends: Iterable[int]) -> Iterator[bytes]:
    places = sorted({0, len(content), *(end % len(content) for end in ends)})
    return (content[begin:end] for begin, end in itertools.pairwise(places))


def test_the_messages_of_a_server_are_read() -> None:
    assert parse([RECORDED]) == MESSAGES


def test_the_messages_are_the_same_byte_by_byte() -> None:
    assert parse(bytes([byte]) for byte in RECORDED) == MESSAGES


@given(st.lists(st.integers(0, len(RECORDED)), max_size=20))
def test_the_messages_are_the_same_in_any_pieces(ends: list[int]) -> None:
    assert parse(pieces_of(RECORDED, ends)) == MESSAGES


def test_a_message_is_there_as_soon_as_its_last_byte() -> None:
    parser, message = IndiParser(), b'<message device="Mount" message="Parked."/>'
    assert parser.feed(message[:-1]) == []
    assert parser.feed(message[-1:]) == [DeviceMessage("Mount", "Parked.")]


def test_text_of_another_encoding_costs_no_connection() -> None:
    assert parse([b'<message device="Mount" message="5 \xb0C"/>']) == [DeviceMessage("Mount", "5 \ufffdC")]


MANY_ELEMENTS = b"".join(b'<defText name="%d"/>' % number for number in range(300))
ENTITIES = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x00\x01\x02", "does not send INDI (not well-formed (invalid token))"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n<html><p></html>", "does not send INDI (mismatched tag)"),
        (ENTITIES + b"<message>&b;</message>", "does not send INDI (not well-formed (invalid token))"),
        (b"<message>&b;</message>", "does not send INDI (undefined entity)"),
        (b'<?xml version="1.0"?>', "does not send INDI (XML or text declaration not at start of entity)"),
        (b"</stream><message/>", "does not send INDI (junk after document element)"),
        (b"<a>" * 10, "sends elements that are nested too deeply"),
        (b'<defTextVector device="a" name="b">' + MANY_ELEMENTS, "sends a property of more than 200 elements"),
        (b'<message text="' + b"a" * 70_000, "sends a part of more than 64 kB"),
        (b"<!-- " + b"a" * 70_000, "sends a part of more than 64 kB"),
        (b"<message>" + b"a" * 2 * MB, "sends a message of more than 1024 kB"),
        (b" " * 2 * MB, "sends a message of more than 1024 kB"),
    ],
    ids=range(12),
)
def test_what_is_no_indi_is_refused_with_its_cause(content: bytes, sentence: str) -> None:
    with pytest.raises(ProtocolError) as error:
        parse([content[begin : begin + 32_768] for begin in range(0, len(content), 32_768)])
    assert str(error.value) == sentence


def fed(content: bytes) -> list[Message]:
    """The messages until the stream is lost."""
    try:
        return parse([content])
    except ProtocolError:
        return []


@given(st.binary())
def test_no_bytes_give_another_error(content: bytes) -> None:
    assert all(isinstance(message, Message) for message in fed(content))


@given(
    st.integers(0, len(RECORDED)),
    st.integers(0, 200),
    st.binary(max_size=20) | st.sampled_from([b"<", b">", b"&", b'"']),
)
def test_no_damage_to_a_message_gives_another_error(place: int, removed: int, inserted: bytes) -> None:
    damaged = RECORDED[:place] + inserted + RECORDED[place + removed :]
    assert all(isinstance(message, Message) for message in fed(damaged))


@pytest.mark.parametrize(
    "piece",
    [
        b'<defTextVector device="d" name="n" state="Ok"><defText name="e">text</defText></defTextVector>' * 300,
        b'<setBLOBVector device="d" name="n"><oneBLOB name="e">' + b"A" * 30_000 + b"</oneBLOB></setBLOBVector>",
    ],
    ids=["properties", "pictures"],
)
def test_an_endless_stream_needs_no_memory(piece: bytes) -> None:
    parser = IndiParser()
    tracemalloc.start()
    for _ in range(100):
        parser.feed(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * MB


names = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), min_size=1, max_size=20
)


@given(names, names, st.dictionaries(names, names, max_size=3))
def test_a_command_is_xml_with_exactly_its_values(device: str, name: str, values: dict[str, str]) -> None:
    found = ET.fromstring(new_vector("Number", device, name, values))
    assert (found.tag, found.attrib) == ("newNumberVector", {"device": device, "name": name})
    assert {one.attrib["name"]: one.text for one in found} == values
    assert {one.tag for one in found} <= {"oneNumber"}


def test_a_request_names_what_it_is_for() -> None:
    assert get_properties() == b'<getProperties version="1.7"/>\n'
    assert get_properties('My "Mount"', "RA") == b'<getProperties version="1.7" device=\'My "Mount"\' name="RA"/>\n'
