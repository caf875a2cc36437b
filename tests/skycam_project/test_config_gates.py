"""The list of gates in the host's YAML: its values, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from skycam_project.config.redaction import secrets_of
from tests.harness.configurations import Configure, Problems

RAIN = """
gates:
  - name: rain
    source:
      http: https://weather.example.org/now
      json: weather.0.rain
      headers: {Authorization: "Bearer ${WEATHER_TOKEN}"}
    unsafe_above: 0.2
    safe_below: 0.1
    cameras: [allsky]
  - name: roof
    source: {file: roof.txt}
    safe_values: [Open, "1"]
    unsafe_for_s: null
"""


def test_gates_are_read_with_their_defaults(configure: Configure, tmp_path: Path) -> None:
    rain, roof = configure(RAIN, WEATHER_TOKEN="a-long-token").config.gates
    assert (rain.unsafe_above, rain.safe_below, rain.unsafe_for_s, rain.safe_for_s) == (0.2, 0.1, 0.0, 60.0)
    assert (rain.every_s, rain.deadline_s, rain.unknown, rain.enabled) == (10.0, 5.0, "unsafe", True)
    assert rain.source.json_path == "weather.0.rain"
    assert rain.source.headers == {"Authorization": "Bearer a-long-token"}
    assert (rain.cameras, roof.cameras) == (["allsky"], [])
    assert roof.source.file == tmp_path / "roof.txt"
    assert (roof.safe_values, roof.max_age_s) == (["open", "1"], 120.0)


def test_without_a_list_there_are_no_gates(configure: Configure) -> None:
    assert configure("gates:\n").config.gates == []
    assert configure().config.gates == []


def test_gates_may_be_given_as_a_variable(configure: Configure) -> None:
    given = '[{"name": "clock", "source": {"clock": "synchronised"}}]'
    [gate] = configure(SKYCAM_GATES=given).config.gates
    assert gate.safe_values == ["synchronised"]


def test_headers_are_shown_and_logged_nowhere(configure: Configure) -> None:
    manager = configure(RAIN, WEATHER_TOKEN="a-long-token")
    assert "a-long-token" not in str(manager.show())
    assert manager.show()["gates"][0]["source"]["headers"] == "********"
    assert "a-long-token" not in repr(manager.config)
    assert {"Bearer a-long-token", "a-long-token"} <= set(secrets_of(manager.config))


@pytest.mark.parametrize("option", ["token", "appid", "pwd", "auth"])
def test_the_key_in_the_address_of_a_gate_is_not_shown(configure: Configure, option: str) -> None:
    manager = configure(
        f"gates: [{{name: rain, source: {{http: 'https://w.example.org/?{option}=hidden'}}, unsafe_above: 1}}]"
    )
    assert manager.show()["gates"][0]["source"]["http"] == f"https://w.example.org/?{option}=********"


def test_a_written_configuration_has_the_gates_and_no_secret(configure: Configure, tmp_path: Path) -> None:
    manager = configure(RAIN, WEATHER_TOKEN="a-long-token")
    manager.write(tmp_path / "written.yaml")
    written = (tmp_path / "written.yaml").read_text()
    assert "Bearer ${WEATHER_TOKEN}" in written
    assert configure(written, WEATHER_TOKEN="a-long-token").config.gates == manager.config.gates


GATE = "gates:\n- name: rain\n  source: {file: rain.txt}\n"
LISTED = "file, http, command, sensor, camera, disk and clock"


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (
            GATE + "  unsafe_abov: 1\n",
            (
                ":4: gates.1.unsafe_abov: there is no such key. Did you mean unsafe_above? Allowed here: cameras, "
                "deadline_s, enabled, every_s, max_age_s, name, safe_above, safe_below, safe_for_s, safe_values, "
                "source, unknown, unsafe_above, unsafe_below, unsafe_for_s, unsafe_values."
            ),
        ),
        (GATE + "  unsafe_above: wet\n", ":4: gates.1.unsafe_above: 'wet' is not allowed; allowed is a number."),
        (GATE + "  unsafe_above: .nan\n", ":4: gates.1.unsafe_above: nan is not allowed; allowed is a number."),
        (
            GATE + "  unsafe_above: 1\n  every_s: 0\n",
            ":5: gates.1.every_s: 0 is not allowed; allowed is a number of seconds from 0.5 to 3600.",
        ),
        (
            GATE + "  unsafe_above: 1\n  unknown: open\n",
            ":5: gates.1.unknown: 'open' is not allowed; allowed is unsafe or safe.",
        ),
        (
            GATE,
            ":2: gates.1: give a limit (unsafe_above, unsafe_below) or words (safe_values, unsafe_values).",
        ),
        (
            GATE + "  unsafe_above: 1\n  safe_below: 2\n",
            ":2: gates.1: safe_below needs unsafe_above and must not be above it.",
        ),
        (
            GATE + "  unsafe_above: 1\n  safe_above: 0\n",
            ":2: gates.1: safe_above needs unsafe_below and must not be below it.",
        ),
        (
            GATE + "  unsafe_above: 1\n  unsafe_below: 2\n",
            ":2: gates.1: no value can be safe: the limits leave nothing between them.",
        ),
        (
            GATE + "  safe_values: [true]\n",
            (
                ":4: gates.1.safe_values: [True] is not allowed; allowed is a list of words; write numbers and "
                'words such as yes, no, on, off, true and false in quotes: ["true"].'
            ),
        ),
        (
            GATE + "  safe_values: [Ok]\n  unsafe_values: [rain, OK]\n",
            ":2: gates.1: ok is in safe_values and in unsafe_values.",
        ),
        (GATE + "  name: wind\n  unsafe_above: 1\n", ":4: gates.1.name: this key is given twice; keep one."),
        (
            GATE + "  unsafe_above: 1\n" + GATE.removeprefix("gates:\n") + "  unsafe_above: 1\n",
            ":2: gates: two gates have the name rain; give each its own.",
        ),
        (
            "gates:\n- name: rain\n  unsafe_above: 1\n  source: {file: a, command: [b]}\n",
            f":4: gates.1.source: give exactly one of {LISTED}.",
        ),
        (
            "gates:\n- name: rain\n  unsafe_above: 1\n  source: {http: 'ftp://x/y'}\n",
            (
                ":4: gates.1.source.http: 'ftp://x/y' is not allowed; "
                "allowed is an http:// or https:// URL without a login."
            ),
        ),
        (
            "gates:\n- name: rain\n  unsafe_above: 1\n  source: {http: 'http://x', headers: {'A b': hidden}}\n",
            (":4: gates.1.source.headers: This value is not allowed; allowed is a mapping of header names to texts."),
        ),
        (
            "gates:\n- name: rain\n  unsafe_above: 1\n  source: {command: date}\n",
            (":4: gates.1.source.command: 'date' is not allowed; allowed is a list: a program and its arguments."),
        ),
        ("gates:\n- source: {file: a}\n  unsafe_above: 1\n", ":2: gates.1: name is missing."),
        ("gates:\n- rain\n", ":2: gates.1: this must be a mapping of keys. Allowed here: "),
        ("gates: rain\n", ":1: gates: 'rain' is not allowed; allowed is a list of gates."),
    ],
)
def test_a_wrong_gate_is_refused_with_line_key_and_what_is_allowed(
    problems: Problems, document: str, problem: str
) -> None:
    [found] = problems(document)
    assert found.startswith(f"skycam.yaml{problem}")


def test_a_variable_that_is_not_set_is_named(problems: Problems) -> None:
    assert problems(RAIN) == [
        (
            "skycam.yaml:3: gates: the variable WEATHER_TOKEN is not set. Set it in the environment or in .env, or "
            "write the value here."
        )
    ]
