"""What INDI devices may answer, and what follows from it, with a scripted server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cameras.drivers.base import SystemClock
from cameras.telescope_status.indi.source import IndiSource
from cameras.telescope_status.sources import Site, SourceContext, StatusError, create_source
from cameras.telescope_status.status import TelescopeStatus
from tests.harness.far_ends.scripted_indi import ScriptedIndi, defined
from tests.harness.waiting import PATIENCE_S

CLOCK = SystemClock()
LONGEST_S, SILENT_S = 30.0, 1.0
"""`answer_s` where all answer, and where the answer that does not come is waited for."""
COORDINATES, GOTO, PARK = "EQUATORIAL_EOD_COORD", "ON_COORD_SET", "TELESCOPE_PARK"


@pytest.fixture
def server() -> Iterator[ScriptedIndi]:
    """A mount M, a focuser F and a filter wheel W."""
    with ScriptedIndi() as running:
        running.define("M", "CONNECTION", CONNECT="On", DISCONNECT="Off")
        running.define("M", COORDINATES, RA="5.5", DEC="-5:24")
        running.define("M", GOTO, TRACK="On", SLEW="Off", SYNC="Off")
        running.define("F", "CONNECTION", CONNECT="On", DISCONNECT="Off")
        running.define("F", "ABS_FOCUS_POSITION", FOCUS_ABSOLUTE_POSITION="25000")
        running.define("W", "CONNECTION", CONNECT="On", DISCONNECT="Off")
        running.define("W", "FILTER_SLOT", FILTER_SLOT_VALUE="2")
        running.define("W", "FILTER_NAME", FILTER_SLOT_NAME_1="g", FILTER_SLOT_NAME_2="r")
        yield running


@pytest.fixture
def source(server: ScriptedIndi) -> Iterator[IndiSource]:
    opened = open_source(server)
    yield opened
    opened.close()


def open_source(server: ScriptedIndi, **settings: Any) -> IndiSource:
    devices = {"telescope": "M", "focuser": "F", "filter_wheel": "W", "answer_s": LONGEST_S}
    given = {"host": "127.0.0.1", "port": server.port, **devices, **settings}
    source = create_source("indi", given, SourceContext(CLOCK, Site(48.0, 11.0)))
    assert isinstance(source, IndiSource)
    return source


def soon() -> float:
    return CLOCK.monotonic() + PATIENCE_S


def read(source: IndiSource) -> TelescopeStatus:
    return source.read(soon())


def commands(server: ScriptedIndi) -> list[str]:
    return [line for line in server.requests if line.startswith("<new")]


def test_all_values_are_read(source: IndiSource) -> None:
    found = read(source)
    assert (found.ra, found.dec, found.focus) == (5.5, pytest.approx(-5.4), 25000)
    assert (found.filter_name, found.filter_id) == ("r", "2")
    assert (found.is_slewing, found.is_adjusting, found.problem) == (False, False, "")


@pytest.mark.parametrize(
    ("device", "name", "state", "elements", "values", "problem"),
    [
        ("M", COORDINATES, "Busy", {"RA": "5", "DEC": "1"}, {"ra": 5, "dec": 1, "is_slewing": True}, ""),
        (
            "M",
            COORDINATES,
            "Ok",
            {"RA": "99", "DEC": "nan"},
            {"ra": None, "dec": None, "ha": None},
            "ra is 99; allowed is a number from 0 to 24 in hours. dec is nan; allowed is a number from -90 to 90",
        ),
        ("M", COORDINATES, "Ok", {"RA": "5"}, {"ra": 5, "dec": None}, "dec is empty; allowed is a number from -90 to"),
        (
            "M",
            COORDINATES,
            "Alert",
            {"RA": "5", "DEC": "1"},
            {"ra": None, "dec": None, "ha": None, "is_slewing": None},
            "The telescope M reports an error. See the messages of INDI.",
        ),
        ("M", COORDINATES, "Broken", {"RA": "5", "DEC": "1"}, {"ra": None}, "The telescope M reports an error."),
        ("F", "ABS_FOCUS_POSITION", "Busy", {"FOCUS_ABSOLUTE_POSITION": "7"}, {"focus": 7, "is_adjusting": True}, ""),
        ("W", "FILTER_SLOT", "Ok", {"FILTER_SLOT_VALUE": "1.0"}, {"filter_name": "g", "filter_id": "1"}, ""),
        (
            "W",
            "FILTER_SLOT",
            "Busy",
            {"FILTER_SLOT_VALUE": "1"},
            {"filter_name": None, "filter_id": None, "is_adjusting": True},
            "The filter wheel W is turning.",
        ),
        (
            "W",
            "FILTER_SLOT",
            "Ok",
            {"FILTER_SLOT_VALUE": "3"},
            {"filter_name": None, "filter_id": "3"},
            "The filter wheel W has no name for filter 3. Give it one in INDI.",
        ),
        (
            "W",
            "FILTER_SLOT",
            "Ok",
            {"FILTER_SLOT_VALUE": "1.5"},
            {"filter_name": None, "filter_id": None},
            "The filter wheel W does not report the number of its filter.",
        ),
        (
            "W",
            "FILTER_NAME",
            "Ok",
            {"FILTER_SLOT_NAME_2": "r\u202e&#x7f;", "FILTER_SLOT_NAME_x": "z", "FILTER_SLOT_NAME_99999": "u"},
            {"filter_name": "r\ufffd\ufffd"},
            "",
        ),
    ],
)
def test_a_value_is_what_the_device_says_or_unknown(
    device: str,
    name: str,
    state: str,
    elements: dict[str, str],
    values: dict[str, Any],
    problem: str,
    server: ScriptedIndi,
    source: IndiSource,
) -> None:
    server.define(device, name, state, **elements)
    found = read(source)
    assert {field: getattr(found, field) for field in values} == values
    assert found.problem.startswith(problem)
    assert bool(found.problem) == bool(problem)


def test_one_device_can_be_more_than_one_of_them(server: ScriptedIndi) -> None:
    server.define("M", "ABS_FOCUS_POSITION", FOCUS_ABSOLUTE_POSITION="31")
    source = open_source(server, focuser="M", filter_wheel="")
    found = read(source)
    assert (found.ra, found.focus, found.problem) == (5.5, 31, "")
    source.close()


def test_a_driver_may_define_its_properties_slowly(server: ScriptedIndi, source: IndiSource) -> None:
    server.pause_s = 0.005
    assert [read(source).problem for _ in range(2)] == ["", ""]


def test_what_waits_in_the_connection_is_no_answer(server: ScriptedIndi) -> None:
    """Other clients request properties as well, and their answers arrive here, too."""
    source = open_source(server, focuser="", filter_wheel="")
    read(source)
    server.push(defined("M", COORDINATES, RA="1", DEC="1") + server.properties["M", "CONNECTION"])
    server.define("M", COORDINATES, RA="2", DEC="2")
    assert read(source).ra == 2
    source.close()


def test_a_device_that_stops_answering_is_unknown_and_the_others_are_not(server: ScriptedIndi) -> None:
    source = open_source(server, answer_s=SILENT_S)
    read(source)
    server.properties = {key: text for key, text in server.properties.items() if key[0] != "M"}
    found = read(source)
    assert (found.ra, found.dec, found.is_slewing, found.focus, found.filter_id) == (None, None, None, 25000, "2")
    assert found.problem.startswith("The INDI server has no telescope M. Its devices are: F, W.")
    source.close()


def test_a_driver_that_hangs_is_named(server: ScriptedIndi) -> None:
    server.properties = {("M", "DRIVER_INFO"): defined("M", "DRIVER_INFO")}
    source = open_source(server, focuser="", filter_wheel="", answer_s=SILENT_S)
    assert read(source).problem == "The telescope M does not answer. Check its driver."
    source.close()


def test_a_deleted_property_is_unknown(server: ScriptedIndi, source: IndiSource) -> None:
    read(source)
    del server.properties["M", COORDINATES]
    server.push(f'<delProperty device="M" name="{COORDINATES}"/>')
    found = read(source)
    assert (found.ra, found.focus) == (None, 25000)
    assert found.problem == f"M does not report {COORDINATES}: it is not ready yet, or it is no telescope."


def test_a_change_during_the_read_counts(server: ScriptedIndi, source: IndiSource) -> None:
    change = f'<setNumberVector device="M" name="{COORDINATES}" state="Busy"><oneNumber name="RA">6</oneNumber>'
    server.properties["M", COORDINATES] += f"{change}</setNumberVector>"
    found = read(source)
    assert (found.ra, found.dec, found.is_slewing) == (6, pytest.approx(-5.4), True)


def test_names_of_devices_cannot_control_a_terminal(server: ScriptedIndi) -> None:
    server.properties = {("X", "a"): defined("X&#x9b;2J\u202e", "a")}
    source = open_source(server, answer_s=SILENT_S)
    assert "Its devices are: X\ufffd2J\ufffd. " in read(source).problem
    source.close()


# Commands


def busy(name: str) -> str:
    return f'<setNumberVector device="M" name="{name}" state="Busy"></setNumberVector>'


def test_a_slew_is_accepted_once_the_mount_is_busy(server: ScriptedIndi, source: IndiSource) -> None:
    server.reactions[COORDINATES] = busy(COORDINATES)
    server.define("M", COORDINATES, "Busy", RA="5.5", DEC="-5.4")
    source.point(24.0, 30.5, soon())
    tracks, coordinates = commands(server)
    assert tracks == (
        '<newSwitchVector device="M" name="ON_COORD_SET"><oneSwitch name="TRACK">On</oneSwitch></newSwitchVector>'
    )
    assert coordinates == (
        '<newNumberVector device="M" name="EQUATORIAL_EOD_COORD"><oneNumber name="RA">0.00000000</oneNumber>'
        '<oneNumber name="DEC">30.50000000</oneNumber></newNumberVector>'
    )


def test_a_mount_that_is_there_already_need_not_move(server: ScriptedIndi, source: IndiSource) -> None:
    source.point(5.501, -5.41, soon())
    assert len(commands(server)) == 2


def test_without_tracking_no_coordinates_are_sent(server: ScriptedIndi, source: IndiSource) -> None:
    """They would tell the mount that it points there already."""
    server.define("M", GOTO, "Alert", TRACK="Off", SLEW="Off", SYNC="On")
    with pytest.raises(
        StatusError, match=r"^M does not accept the command to set ON_COORD_SET\. It gives no reason\.$"
    ):
        source.point(1.0, 30.0, soon())
    assert [line for line in commands(server) if COORDINATES in line] == []


def test_a_mount_without_a_choice_gets_the_coordinates_alone(server: ScriptedIndi, source: IndiSource) -> None:
    del server.properties["M", GOTO]
    server.define("M", COORDINATES, "Busy", RA="5.5", DEC="-5.4")
    source.point(1.0, 30.0, soon())
    assert [COORDINATES in line for line in commands(server)] == [True]


def test_a_refused_command_says_what_the_device_said(server: ScriptedIndi, source: IndiSource) -> None:
    server.reactions[COORDINATES] = '<message device="M" message="[ERROR] Below the horizon."/>'
    with pytest.raises(StatusError) as error:
        source.point(1.0, 30.0, soon())
    assert str(error.value) == ("M does not accept the command to set EQUATORIAL_EOD_COORD. [ERROR] Below the horizon.")


def test_a_device_may_need_a_moment_to_begin(server: ScriptedIndi, source: IndiSource) -> None:
    read(source)
    server.properties["F", "ABS_FOCUS_POSITION"] += busy("ABS_FOCUS_POSITION").replace('"M"', '"F"')
    source.focus(30_000, soon())
    assert "30000" in commands(server)[0]


def test_a_device_that_does_not_answer_a_command_is_named(server: ScriptedIndi, source: IndiSource) -> None:
    read(source)
    del server.properties["F", "ABS_FOCUS_POSITION"]
    with pytest.raises(StatusError) as error:
        source.focus(30_000, CLOCK.monotonic() + 1)
    assert str(error.value) == "F has not answered the command to set ABS_FOCUS_POSITION. Try again."


def test_a_device_is_connected_at_most_each_ten_seconds(server: ScriptedIndi) -> None:
    server.define("M", "CONNECTION", CONNECT="Off", DISCONNECT="On")
    source = open_source(server, connect_devices=True)
    assert {read(source).problem for _ in range(3)} == {"The telescope M is not connected. It is being connected."}
    read(source)
    assert commands(server) == [
        '<newSwitchVector device="M" name="CONNECTION"><oneSwitch name="CONNECT">On</oneSwitch></newSwitchVector>'
    ]
    source.close()


# The connection


def test_a_connection_that_was_not_read_for_long_is_replaced(
    server: ScriptedIndi, source: IndiSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [read(source).problem for _ in range(3)] == ["", "", ""]
    assert len(server.connections) == 1
    monkeypatch.setattr("cameras.telescope_status.indi.client.IDLE_S", -1.0)
    assert read(source).problem == ""
    assert len(server.connections) == 2


def test_a_closed_source_connects_again(server: ScriptedIndi, source: IndiSource) -> None:
    read(source)
    source.close()
    source.close()
    assert read(source).problem == ""
    assert len(server.connections) == 2
