"""A repeated error is logged once a minute, with its count."""

from __future__ import annotations

import io
import logging

import pytest

from core.limits.repeats import MAX_KNOWN, RepeatLimitingHandler


class Log:
    """A handler with a fake clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.stream = io.StringIO()
        self.handler = RepeatLimitingHandler(self.stream, lambda: self.now)

    def log_record(self, message: str, level: int = logging.ERROR, **extra: object) -> None:
        record = logging.LogRecord("loop", level, "loop.py", 1, message, None, extra.pop("exc_info", None))  # type: ignore[arg-type]
        record.__dict__.update(extra)
        self.handler.handle(record)

    def each_second(self, message: str, seconds: int) -> None:
        for _ in range(seconds):
            self.log_record(message)
            self.now += 1

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture
def log() -> Log:
    return Log()


def test_an_error_each_second_is_one_line_a_minute_with_its_count(log: Log) -> None:
    log.each_second("It has no storage root.", 150)
    assert log.lines == [
        "It has no storage root.",
        "It has no storage root. (59 times more in the last minute)",
        "It has no storage root. (60 times more in the last minute)",
    ]


def test_a_stopped_repeat_is_counted_with_the_next_record_after_a_minute(log: Log) -> None:
    log.each_second("Away.", 3)
    log.now += 60
    log.log_record("Back.", logging.INFO)
    assert log.lines == ["Away.", "Away. (2 times more in the last minute)", "Back."]


def test_a_record_after_a_quiet_minute_is_written_at_once(log: Log) -> None:
    log.log_record("Away.")
    log.now += 61
    log.log_record("Away.")
    assert log.lines == ["Away.", "Away."]


def test_different_records_are_written(log: Log) -> None:
    [log.log_record(f"{camera} stumbled.") for camera in ("sky", "yard", "sky")]
    log.log_record("sky stumbled.", logging.WARNING)
    assert log.lines == ["sky stumbled.", "yard stumbled.", "sky stumbled."]


def test_info_records_are_never_suppressed(log: Log) -> None:
    [log.log_record("Saved.", logging.INFO) for _ in range(3)]
    assert log.lines == ["Saved."] * 3


def test_verbatim_records_are_never_suppressed(log: Log) -> None:
    [log.log_record("Traceback:", logging.WARNING, verbatim=True) for _ in range(3)]
    assert log.lines == ["Traceback:"] * 3


def test_the_same_text_with_another_exception_is_written(log: Log) -> None:
    errors = [OSError("disk"), OSError("disk"), OSError("cable")]
    [log.log_record("It stumbled.", exc_info=(type(error), error, None)) for error in errors]
    assert [line for line in log.lines if "OSError" in line] == ["OSError: disk", "OSError: cable"]


def test_suppressed_records_are_counted_at_the_end(log: Log) -> None:
    log.each_second("Away.", 3)
    log.handler.close()
    assert log.lines == ["Away.", "Away. (2 times more in the last minute)"]


def test_many_different_errors_take_bounded_memory(log: Log) -> None:
    """The first is no longer known when it repeats; all others are."""
    [log.log_record(f"error {number}") for number in range(MAX_KNOWN + 1)]
    [log.log_record(f"error {number}") for number in range(1, MAX_KNOWN + 1)]
    assert len(log.lines) == MAX_KNOWN + 1
    log.log_record("error 0")
    assert log.lines[-1] == "error 0"
