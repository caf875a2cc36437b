"""Programs that print values."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from monitoring.sensors.driver import Sample, SensorError
from monitoring.sensors.settings import checked_settings, settings_model
from tests.monitoring.sensors.far_ends import DEADLINE_S, SHORT_S, driver_of


def read(code: str, deadline_s: float = DEADLINE_S, **settings: Any) -> list[Sample]:
    return driver_of("command", {"command": [sys.executable, "-c", code], **settings}).read(deadline_s)


def test_a_number_is_the_quantity_of_the_setting() -> None:
    assert read("print(23.5)") == [Sample("value", "temperature", 23.5)]
    assert read("print(3)", quantity="wind") == [Sample("value", "wind", 3.0)]


def test_each_line_is_a_channel() -> None:
    found = read("print('temperature=23.5\\nhum = 40\\nleaves=12\\nbroken\\nrain=nan')")
    assert found == [
        Sample("temperature", "temperature", 23.5),
        Sample("hum", "humidity", 40.0),
        Sample("leaves", "number", 12.0),
    ]


def test_members_of_json_are_read_by_their_names() -> None:
    assert read('print(\'{"temp": 1.5, "name": "roof"}\')') == [Sample("temp", "temperature", 1.5)]


def test_paths_lead_into_json() -> None:
    found = read('print(\'{"a": [{"b": 1.5}]}\')', values="a.0.b=temperature:Roof")
    assert found == [Sample("a.0.b", "temperature", 1.5, "Roof")]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("print('ready')", "has no value"),
        ("print('{')", "is no valid JSON"),
        ("print('[' * 60000)", "is no valid JSON"),
        ("print('1' * 70000)", "more than 64 kB"),
        ("import sys; print('secret', file=sys.stderr); sys.exit(3)", "ended with status 3"),
    ],
)
def test_an_output_without_values_is_an_error(code: str, message: str) -> None:
    with pytest.raises(SensorError, match=message) as caught:
        read(code)
    assert "secret" not in str(caught.value)


def test_a_program_that_hangs_is_stopped_at_the_deadline() -> None:
    with pytest.raises(SensorError, match=f"has not ended within {SHORT_S} s"):
        read("import time; time.sleep(600)", deadline_s=SHORT_S)


def test_a_missing_program_is_permanent(tmp_path: Path) -> None:
    with pytest.raises(SensorError, match="was not found") as caught:
        driver_of("command", {"command": [str(tmp_path / "away")]}).read(DEADLINE_S)
    assert caught.value.permanent


def test_no_shell_reads_the_arguments(tmp_path: Path) -> None:
    with pytest.raises(SensorError, match="has no value"):
        driver_of("command", {"command": ["echo", f"1; touch {tmp_path}/made"]}).read(DEADLINE_S)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["echo 1", [], [1], ["echo", "a\x00b"], [""], ["a"] * 51, ["a" * 1001]])
def test_a_command_that_is_no_list_of_texts_is_refused(command: Any) -> None:
    with pytest.raises(ValueError, match="command is not valid"):
        checked_settings("command", {"command": command})


def test_a_command_comes_from_the_configuration_file_alone() -> None:
    assert settings_model("command").file_only_fields() == ["command"]
