"""Lines of microcontrollers: the formats, and what noise does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.sensors.driver import Sample
from monitoring.sensors.drivers.arduino.formats import LineParser, parse_order, parse_pattern
from monitoring.sensors.drivers.arduino.lines import LINE_BYTES, LineBuffer

PARSER = LineParser(("temperature", "humidity"))
LINES = [
    b"23.5,40.0", b"Temperature: 23.5", b"T:-3.25,H:40", b"Humidity: 56.70%  Temperature: 19.40\xc2\xb0C", b"Ready.",
    b'{"temperature": 21}', b"\xff\xfe23.5,40", b"", b"23.5,40.0,7", b"nan,nan",
]  # fmt: skip


def values(line: bytes, parser: LineParser = PARSER) -> dict[str, float]:
    return {sample.channel: sample.value for sample in parser.parse(line)}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"23.5,40.0", {"temperature": 23.5, "humidity": 40.0}),
        (b"23.5; 40", {"temperature": 23.5, "humidity": 40.0}),
        (b"23.5\t40", {"temperature": 23.5, "humidity": 40.0}),
        (b"-3", {"temperature": -3.0}),
        (b"Temperature: 23.5", {"temperature": 23.5}),
        (b"Humidity: 40", {"humidity": 40.0}),
        (b"Humidity = 40 %", {"humidity": 40.0}),
        (b"T:23.5,H:40", {"temperature": 23.5, "humidity": 40.0}),
        (b"temp=-0.5 hum=99.9 pressure=1013.25 hPa", {"temperature": -0.5, "humidity": 99.9, "pressure": 1013.25}),
        ("Humidity: 56.70%  Temperature: 19.40°C".encode(), {"humidity": 56.7, "temperature": 19.4}),
        ("Humidity: 56.70%  Temperature: 19.40°C".encode("latin-1"), {"humidity": 56.7, "temperature": 19.4}),
        (
            "Humidity: 55.00%  Temperature: 24.10°C 75.38°F Heat index: 23.9°C 75.1°F".encode(),
            {"humidity": 55.0, "temperature": 24.1},
        ),
        ("Temperature: 75.2°F".encode(), {"temperature": 24.0}),
        (b'{"temperature": 21.5, "humidity": "40", "uptime": 12}', {"temperature": 21.5, "humidity": 40.0}),
    ],
)
def test_the_formats_of_microcontrollers_are_read(line: bytes, expected: dict[str, float]) -> None:
    assert values(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        b"DHT22 test!",
        b"Adafruit BME280 v2.1 ready: 3 sensors found",
        b"Failed to read from DHT sensor!",
        b"nan,nan",
        b"Temperature: nan",
        b"23.540.0",
        b"23.5,40.0,7",
        b"23.5,4\x000.0",
        b"T:2\xf03.5,H:40",
        b"T:23.5.1,H:40",
        b'{"temperature": 21',
        b'{"temperature": true}',
        b'{"temperature": 1e999}',
        b"[" * 500,
        b"1" * 40,
        "٢٣".encode(),
    ],
)
def test_banners_and_damaged_lines_have_no_values(line: bytes) -> None:
    assert values(line) == {}


def test_the_order_of_numbers_is_a_setting() -> None:
    parser = LineParser(parse_order("humidity,-,temperature"))
    assert values(b"40,7,23.5", parser) == {"humidity": 40.0, "temperature": 23.5}


@pytest.mark.parametrize("order", ["", "-", "colour", "temperature,temperature", "temperature;humidity"])
def test_an_order_of_other_words_is_refused(order: str) -> None:
    with pytest.raises(ValueError, match="order is not valid"):
        parse_order(order)


def test_a_pattern_reads_lines_of_their_own() -> None:
    pattern = parse_pattern(
        r"in (?P<temperature_house>-?[\d.]+) out (?P<temperature_roof>-?[\d.]+) (?P<sky_brightness>\S+)"
    )
    parser = LineParser(("temperature",), pattern)
    samples = parser.parse(b"#12 in 20.5 out -3 dark")
    assert samples == [
        Sample("temperature_house", "temperature", 20.5),
        Sample("temperature_roof", "temperature", -3.0),
    ]
    assert parser.parse(b"20.5") == []


@pytest.mark.parametrize("pattern", ["(", "[0-9]+", "(?P<colour>.*)", r"(?P<temperature>\d+) (?P<x>\d+)"])
def test_a_pattern_without_quantities_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern is not"):
        parse_pattern(pattern)


def test_a_line_counts_once_its_end_has_come() -> None:
    lines = LineBuffer()
    lines.feed(b"\n")
    assert lines.feed(b"T:23") == []
    assert lines.feed(b".5,H:40\r") == [b"T:23.5,H:40"]
    assert lines.feed(b"\n") == []


def test_the_line_in_which_listening_begins_is_dropped() -> None:
    assert LineBuffer().feed(b"3.5\n24.0\n") == [b"24.0"]


def test_an_endless_line_is_dropped_and_takes_no_memory() -> None:
    lines = LineBuffer()
    assert lines.feed(b"\n" + b"1" * 100_000) == []
    assert lines.feed(b"23\n24\n") == [b"24"]


@given(st.lists(st.sampled_from(LINES) | st.binary(max_size=LINE_BYTES + 9)), st.data())
def test_however_bytes_are_split_the_values_are_the_same(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"\r\n".join([*parts, b""])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)))))
    pieces = [stream[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert samples_of(pieces) == samples_of([stream])


@given(st.binary())
def test_noise_raises_nothing(line: bytes) -> None:
    PARSER.parse(line)


@given(st.text(alphabet='TH: ,;.=%°CF-+0123456789{}"', max_size=120))
def test_what_resembles_a_format_raises_nothing(line: str) -> None:
    PARSER.parse(line.encode())


def samples_of(pieces: list[bytes]) -> list[Sample]:
    lines = LineBuffer()
    return [sample for piece in pieces for line in lines.feed(piece) for sample in PARSER.parse(line)]
