"""`logging.format: json`: each line of the log is one JSON object, whatever wrote it."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skycam_project.cli.logs import parsed
from skycam_project.config.sections import LoggingConfig
from skycam_project.launch.log_stream import FILE_FORMATTERS, JsonFileFormatter, LogFile, LogStream, parse_record
from skycam_project.logs import JsonFormatter, OneLineFormatter
from tests.harness.stations.command_line import run
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def record_of(message: str, *arguments: object, **members: Any) -> logging.LogRecord:
    record = logging.LogRecord("cameras", logging.WARNING, "", 0, message, arguments, None)
    record.__dict__.update({"created": 0.0, "msecs": 7.0, **members})
    return record


def written(part: str, line: str) -> Any:
    return json.loads(JsonFileFormatter().format(logging.LogRecord(part, logging.INFO, "", 0, line, None, None)))


def error_with(text: str) -> Any:
    try:
        raise ValueError(text)
    except ValueError:
        return sys.exc_info()


def test_a_record_is_one_object_in_utc_without_secrets() -> None:
    text = JsonFormatter(['hun"ter']).format(record_of('one\n  "two" %s', 'hun"ter'))
    assert "\n" not in text
    assert json.loads(text) == {
        "time": "1970-01-01T00:00:00.007Z", "level": "WARNING", "logger": "cameras",
        "message": 'one\n  "two" ********',
    }  # fmt: skip


@pytest.mark.parametrize("formatter", [OneLineFormatter(), JsonFormatter()])
def test_a_line_has_no_token_of_the_api(formatter: logging.Formatter) -> None:
    line = formatter.format(record_of("headers: %r", {"authorization": f"Token skycam_{'aB-_5' * 8}abc"}))
    assert "{'authorization': 'Token ********'}" in line


def test_a_traceback_is_a_member_without_secrets() -> None:
    found = json.loads(JsonFormatter(["hunter2"]).format(record_of("failed", exc_info=error_with("hunter2"))))
    assert found["traceback"].endswith("ValueError: ********")


def test_the_launcher_adds_the_part() -> None:
    line = JsonFormatter().format(record_of("ready"))
    assert written("web", line) == {
        "time": "1970-01-01T00:00:00.007Z", "part": "web", "level": "WARNING", "logger": "cameras", "message": "ready",
    }  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "Segmentation fault",
        "",
        '{"half": ',
        "[1, 2]",
        '{"message": "no time"}',
        '{"time": 1, "level": "INFO", "logger": "x", "message": "y"}',
        "{" * 5000,
    ],
)
def test_other_output_is_wrapped(line: str) -> None:
    found = written("worker", line)
    assert TIME.fullmatch(found.pop("time"))
    assert found == {"part": "worker", "message": line}


def test_a_part_cannot_speak_for_another() -> None:
    line = '{"time": "t", "level": "INFO", "logger": "x", "message": "y", "part": "skycam", "evil": [1]}'
    assert written("worker", line) == {"time": "t", "part": "worker", "level": "INFO", "logger": "x", "message": "y"}


@given(st.text(), st.sampled_from([None, "message", "time", "traceback"]))
def test_every_line_parses(text: str, member: str | None) -> None:
    members = {"time": "t", "level": "INFO", "logger": "x", "message": "y"}
    line = text if member is None else json.dumps({**members, member: text})
    formatted = JsonFileFormatter().format(logging.LogRecord("web", logging.INFO, "", 0, line, None, None))
    assert json.loads(formatted)["part"] == "web"
    assert formatted.isascii()
    assert formatted.splitlines() == [formatted]


def test_each_format_of_the_configuration_has_a_formatter() -> None:
    assert set(FILE_FORMATTERS) == {"text", "json"}
    assert LoggingConfig.model_fields["format"].annotation.__args__ == tuple(FILE_FORMATTERS)  # type: ignore[union-attr]


def test_the_terminal_stays_readable(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    stream = LogStream(LoggingConfig(file=tmp_path / "log", format="json"))
    stream.write_line(
        "web", JsonFormatter().format(record_of("a camera called \x1b[2J\n\u202eno", exc_info=error_with("x")))
    )
    stream.write_line("web", "plain \x1b[2J")
    stream.file.close()
    terminal = capfd.readouterr().err.splitlines()
    assert re.match(r"\S+ web     \| WARNING cameras: a camera called \ufffd\[2J \| \ufffdno \| Traceback", terminal[0])
    assert terminal[1].endswith("web     | plain \ufffd[2J")
    assert stream.last_line("web") == "plain \ufffd[2J"
    assert [json.loads(line)["part"] for line in (tmp_path / "log").read_text().splitlines()] == ["web", "web"]


def test_the_log_is_rotated_as_text_is(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "skycam.log", size=1000, keep=2, log_format="json")
    [file.write_line("web", f"line {number}") for number in range(100)]
    file.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["skycam.log", "skycam.log.1", "skycam.log.2"]
    assert all(path.stat().st_size <= 1000 for path in tmp_path.iterdir())


def test_the_command_reads_both_formats() -> None:
    lines = [
        b"2026-03-01 20:00:02Z worker | as text\n",
        json.dumps(written("web", JsonFormatter().format(record_of("as JSON")))).encode(),
        b'{"time": "2026-03-01T20:00:02.000Z", "part": "worker", "message": "wrapped"}\n',
        b'{"other": 1}\n',
    ]
    assert [(line["part"], line["line"]) for line in parsed(lines, None)] == [
        ("worker", "as text"), ("web", "WARNING cameras: as JSON"), ("worker", "wrapped"),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def json_station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    station = Station(tmp_path_factory.mktemp("json") / "data", SKYCAM_LOGGING__FORMAT="json")
    try:
        station.up()
        station.part("beat").kill()
        station.api.request("GET", "/nowhere/")
        texts = ("/nowhere/", "starting it again", " ready.")
        eventually(lambda: all(text in station.log() for text in texts))
        yield station
    finally:
        station.ensure_stopped()


def test_every_line_of_a_running_station_is_json(json_station: Station) -> None:
    whole, _, _ = json_station.log().rpartition("\n")  # the last line may be half written
    lines = [json.loads(line) for line in whole.splitlines()]
    assert {"skycam", "web", "jobs"} <= {line["part"] for line in lines}
    assert all(TIME.fullmatch(line["time"]) for line in lines)
    assert {line["part"] for line in lines if "level" in line} >= {"web", "jobs"}
    assert {line["part"] for line in lines if "starting it again" in line["message"]} == {"skycam"}
    assert [line for line in lines if parse_record(line["message"])] == []
    assert '{"time"' not in json_station.output()


def test_the_command_shows_the_log_of_such_a_station(json_station: Station) -> None:
    found = run(json_station.data, "logs", "web")
    assert found.status == 0
    assert re.search(r"^\d{4}-\d\d-\d\d \S+Z web +WARNING ", found.stdout, re.MULTILINE)
