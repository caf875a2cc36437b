"""Lines of microcontrollers: the formats, and what noise does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.sensors.driver import Sample
from monitoring.sensors.drivers.arduino.formats import (
    LINE_BYTES,
    AmbiguousLine,
    LineBuffer,
    LineParser,
    parse_order,
    parse_pattern,
)

PAIR = ("temperature", "humidity")
LINES = [
    b"23.5,40.0", b"Temperature: 23.5", b"T:-3.25,H:40", b"Humidity: 56.70%  Temperature: 19.40\xc2\xb0C", b"Ready.",
    b'{"temperature": 21}', b"\xff\xfe23.5,40", b"", b"23.5,40.0,7", b"nan,nan",
]  # fmt: skip


def values(line: bytes, parser: LineParser | None = None) -> dict[str, float]:
    return {sample.channel: sample.value for sample in (parser or LineParser(PAIR)).parse(line)}


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
        (b'{"temp_f": 75.2, "humidity": "40 %"}', {"temp_f": 24.0, "humidity": 40.0}),
        (b"23.5 C; 40 %", {"temperature": 23.5, "humidity": 40.0}),
        (b"The temperature is 23.5 C and the humidity is 40 %", {"temperature": 23.5, "humidity": 40.0}),
        (b"BME280: T=23.5 H=40 Vcc 5V", {"temperature": 23.5, "humidity": 40.0}),
    ],
)
def test_the_formats_of_microcontrollers_are_read(line: bytes, expected: dict[str, float]) -> None:
    assert values(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # Adafruit's DHT, with its older and its newer signs, and with a tab.
        (
            "Humidity: 55.00 %\tTemperature: 24.10 *C 75.38 *F\tHeat index: 23.9 *C 75.1 *F",
            {"humidity": 55.0, "temperature": 24.1},
        ),
        # BME280, BMP085 and BMP280, BME680.
        ("Temperature = 25.30 *C", {"temperature": 25.3}),
        ("Pressure = 101325.00 Pa", {"pressure": 1013.25}),
        ("Pressure = 1013.25 hPa", {"pressure": 1013.25}),
        ("Pressure at sealevel (calculated) = 101325 Pa", {}),
        ("Approx. Altitude = 12.34 m", {}),
        ("Gas = 12.3 KOhms", {}),
        # SHT31, SHT4x, AHTx0, Si7021, HTU21D, MCP9808, SCD30.
        ("Temp *C = 23.45\t\tHum. % = 40.12", {"temperature": 23.45, "humidity": 40.12}),
        ("Temperature: 23.50 degrees C", {"temperature": 23.5}),
        ("Humidity: 40.12% rH", {"humidity": 40.12}),
        ("Humidity:    40.12\tTemperature: 23.50", {"humidity": 40.12, "temperature": 23.5}),
        ("Time:1234 Temperature:23.5C Humidity:40.1%", {"temperature": 23.5, "humidity": 40.1}),
        ("Temp: 23.5625*C\t and 74.4125*F.", {"temperature": 23.5625}),
        ("co2(ppm):650 temp(C):23.5 humidity(%):40.1", {"temperature": 23.5, "humidity": 40.1}),
        # DallasTemperature and OneWire.
        ("Temperature for the device 1 (index 0) is: 23.50", {"temperature": 23.5}),
        ("Temperature for device: 0", {}),
        ("Temp C: 23.50 Temp F: 74.30", {"temperature": 23.5}),
        ("Device Address: 28FF641E8216042F Temp C: 23.50 Temp F: 74.30", {"28FF641E8216042F": 23.5}),
        ("  Temperature = 23.50 Celsius, 74.30 Fahrenheit", {"temperature": 23.5}),
        ("  Data = 1 50 5 4B 46 7F FF C 10 1C  CRC=1C", {}),
        # SimpleDHT, TMP36, MAX31855, MLX90614.
        ("Sample OK: 23 *C, 40 H", {"temperature": 23.0, "humidity": 40.0}),
        ("0.75 volts", {"voltage": 0.75}),
        ("74.3 degrees F", {"temperature": 23.5}),
        ("C = 23.75", {"temperature": 23.75}),
        ("Ambient = 23.5*C\tObject = -20.1*C", {"temperature_ambient": 23.5, "temperature_object": -20.1}),
    ],
)
def test_the_example_sketches_of_common_libraries_are_read(line: str, expected: dict[str, float]) -> None:
    assert values(line.encode()) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"nan,40.00", {"humidity": 40.0}),
        (b"23.5;err", {"temperature": 23.5}),
        (b"23.5 --", {"temperature": 23.5}),
        (b",40", {"humidity": 40.0}),
        (b"T:nan,H:40", {"humidity": 40.0}),
        (b"Humidity: nan %  Temperature: 23.50 *C", {"temperature": 23.5}),
        (b'{"t":nan,"h":40}', {"h": 40.0}),
        (b'{"t":-inf, "h":"40"}', {"h": 40.0}),
    ],
)
def test_a_value_that_was_not_measured_takes_only_itself(line: bytes, expected: dict[str, float]) -> None:
    assert values(line) == expected


@pytest.mark.parametrize(
    ("line", "order", "expected"),
    [
        (b"23,5 40,2", "temperature,humidity", {"temperature": 23.5, "humidity": 40.2}),
        (b"23,5;40,2", "temperature,humidity", {"temperature": 23.5, "humidity": 40.2}),
        (b"23,5", "temperature", {"temperature": 23.5}),
        (b"23, 5", "temperature,humidity", {"temperature": 23.0, "humidity": 5.0}),
        (b"23.0,5", "temperature,humidity", {"temperature": 23.0, "humidity": 5.0}),
        (b"T:23,5,H:40", "temperature,humidity", {"temperature": 23.5, "humidity": 40.0}),
        ("Temperature: 23,5 °C".encode(), "temperature,humidity", {"temperature": 23.5}),
        (b'{"t": "23,5"}', "temperature,humidity", {"t": 23.5}),
    ],
)
def test_a_comma_is_what_the_rest_of_its_line_says(line: bytes, order: str, expected: dict[str, float]) -> None:
    assert values(line, LineParser(parse_order(order))) == expected


def test_a_line_whose_comma_can_be_both_is_refused() -> None:
    with pytest.raises(AmbiguousLine):
        values(b"23,5")


def test_what_a_comma_is_can_be_set() -> None:
    assert values(b"23,5", LineParser(PAIR, decimal="comma")) == {"temperature": 23.5}
    assert values(b"23,5", LineParser(PAIR, decimal="point")) == {"temperature": 23.0, "humidity": 5.0}


def test_what_a_plain_line_shows_of_the_comma_holds_for_the_next() -> None:
    parser = LineParser(PAIR)
    values(b"23.5,40", parser)
    assert values(b"23,40", parser) == {"temperature": 23.0, "humidity": 40.0}


@pytest.mark.parametrize(
    "before",
    [
        "\ufeff", "18:31:30 ", "18:31:30.123 -> ", "[18:31:30] ", "2026-01-14 18:31:30,", "2026-01-14T18:31:30Z ",
        "2026-01-14T18:31:30+01:00;", "14.01.2026 18:31:30\t", "2026/1/14 (Tuesday) 18:31:30 ", "6:31 PM | ",
    ],
)  # fmt: skip
@pytest.mark.parametrize("line", ["-3.5,40", "T:-3.5,H:40", "Temperature: -3.5 *C  Humidity: 40 %"])
def test_a_clock_and_a_byte_order_mark_before_the_line_are_left_out(before: str, line: str) -> None:
    assert values(f"{before}{line}".encode()) == {"temperature": -3.5, "humidity": 40.0}


@pytest.mark.parametrize(
    "line",
    [
        b"DHT22 test!",
        b"Error 5",
        b"Found temperature 1",
        b"T:1,013.25",
        b"Adafruit BME280 v2.1 ready: 3 sensors found",
        b"Failed to read from DHT sensor!",
        b"nan,nan",
        b"Temperature: nan",
        b"Temperature: nan *C 75.2 m",
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
    LineParser(PAIR, decimal="point").parse(line)


@given(st.text(alphabet='TH: ,;.=%°CFnaisgeo-+0123456789{}"', max_size=120), st.sampled_from(["point", "comma"]))
def test_what_resembles_a_format_raises_nothing(line: str, decimal: str) -> None:
    LineParser(PAIR, decimal=decimal).parse(line.encode())


@given(st.floats(-90, 150), st.sampled_from("CF"), st.sampled_from([".", ","]), st.sampled_from(["*", "°", " deg "]))
def test_a_temperature_is_read_back_in_celsius(celsius: float, unit: str, sign: str, degree: str) -> None:
    number = celsius if unit == "C" else celsius * 1.8 + 32
    line = f"Temperature: {number:.4f}{degree}{unit}".replace(".", sign)
    assert values(line.encode())["temperature"] == pytest.approx(celsius, abs=1e-4)


def samples_of(pieces: list[bytes]) -> list[Sample]:
    lines, parser = LineBuffer(), LineParser(PAIR, decimal="point")
    return [sample for piece in pieces for line in lines.feed(piece) for sample in parser.parse(line)]
