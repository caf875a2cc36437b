from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.telescope.driver.status import (
    NOT_REPORTED,
    NUM_STATES,
    UNKNOWN,
    CameraStatus,
    ControllerState,
    parse_status,
)
from tests.cameras.drivers.telescope.recorded_replies import OLDER_STATUS, live_status


def test_a_live_reply_is_read_although_its_brace_is_not_closed() -> None:
    status = parse_status(live_status(having={"EXPOSING": "0110"}), read_time=12.5)
    assert (status.ready, status.error, status.state, status.comment) == (True, False, "started", "started")
    assert (status.date, status.read_time) == ("2026-11-20T06:38:41.00", 12.5)
    assert (status.state_val[ControllerState.EXPOSING], status.state_val[ControllerState.IDLE]) == (0b0110, 15)


def test_the_last_command_is_read_although_its_quote_marks_are_nested() -> None:
    status = parse_status(live_status())
    assert (status.cmd_error, status.cmd_error_msg, status.cmd_command) == (False, "None", "expose")
    assert (status.cmd_arg_value_list, status.cmd_reply) == ("['True', '1.5']", "DONE")


def test_the_older_form_is_read() -> None:
    status = parse_status(OLDER_STATUS)
    assert (status.state, status.has(ControllerState.EXPOSING), status.has(ControllerState.IDLE)) == (
        "exposing", True, False,
    )  # fmt: skip


def test_a_status_of_one_controller_has_one_bit() -> None:
    status = parse_status("DONE {'EXPOSING': '1', 'IDLE': '0'}")
    assert (status.state_val[ControllerState.EXPOSING], status.state_val[ControllerState.IDLE]) == (1, 0)


@pytest.mark.parametrize(
    ("comment", "text"),
    [
        ("'one, two'", "one, two"),
        ('"it\'s ready"', "it's ready"),
        ("\"'ERROR': '1111', 'ready': False\"", "'ERROR': '1111', 'ready': False"),
        ("'EXPOSING state error'", "EXPOSING state error"),
        (r"'a \'quoted\' word, and more'", "a 'quoted' word, and more"),
        ("'it's here, not escaped'", "it's here, not escaped"),
        ("''", ""),
    ],
)
def test_a_comment_may_have_commas_keys_and_quote_marks(comment: str, text: str) -> None:
    status = parse_status(live_status(comment=comment))
    assert (status.comment, status.ready, status.state_val[ControllerState.ERROR]) == (text, True, 0)


@pytest.mark.parametrize("reply", ["", "DONE", "ERROR what", "DONE {", "DONE {'ready'", "{'ready': maybe}", "{}"])
def test_what_a_reply_does_not_have_is_unknown(reply: str) -> None:
    assert parse_status(reply, read_time=1.0) == CameraStatus(read_time=1.0)


@pytest.mark.parametrize("missing", ["ready", "state", "error", "comment", "date"])
def test_a_missing_key_leaves_the_others(missing: str) -> None:
    reply = live_status().replace(f"'{missing}'", f"'not_{missing}'")
    status = parse_status(reply)
    assert getattr(status, missing) in (None, UNKNOWN)
    assert status.state_val[ControllerState.IDLE] == 15


@pytest.mark.parametrize("state", ControllerState)
def test_a_missing_state_is_not_reported(state: ControllerState) -> None:
    status = parse_status(live_status().replace(f"'{state.name}'", "'other'"))
    assert status.state_val[state] == NOT_REPORTED
    assert status.state_val.count(NOT_REPORTED) == 1
    assert status.has(state) is None


@pytest.mark.parametrize("bits", ["", "2", "01x1", "-1", "1" * 40, "0 1"])
def test_bits_that_are_none_are_not_reported(bits: str) -> None:
    status = parse_status(f"DONE {{'EXPOSING': '{bits}', 'IDLE': '1'}}")
    assert (status.state_val[ControllerState.EXPOSING], status.state_val[ControllerState.IDLE]) == (NOT_REPORTED, 1)


def test_half_a_reply_has_what_arrived_whole() -> None:
    whole = live_status()
    status = parse_status(whole[: whole.index("'READING'")])
    assert (status.state, status.state_val[ControllerState.EXPOSING], status.state_val[ControllerState.READING]) == (
        "started", 0, NOT_REPORTED,
    )  # fmt: skip


def test_a_status_is_copied_whole() -> None:
    status, other = parse_status(live_status()), CameraStatus()
    status.copy_to(other)
    assert other == status
    assert other.state_val is not status.state_val


@given(st.text(alphabet="'\"{}[]:,\n \\01TrueFalsErready EXPOSINGstatecomment_ERROR", max_size=400))
def test_no_reply_is_an_error(reply: str) -> None:
    assert len(parse_status(reply).state_val) == NUM_STATES


@given(st.data())
def test_no_damaged_reply_is_an_error(data: st.DataObject) -> None:
    reply = live_status()
    place, length = data.draw(st.integers(0, len(reply))), data.draw(st.integers(0, 60))
    damaged = reply[:place] + data.draw(st.text(max_size=20)) + reply[place + length :]
    assert len(parse_status(damaged).state_val) == NUM_STATES


@given(st.integers(0, 15), st.sampled_from(list(ControllerState)))
def test_the_bits_are_the_number(value: int, state: ControllerState) -> None:
    status = parse_status(live_status(having={state.name: f"{value:04b}"}))
    assert status.state_val[state] == value


@pytest.mark.parametrize(
    "reply",
    [" " * 60_000, "'" * 60_000, "','ready':" * 6_000, "{'ready':" + "}" * 60_000, "{'comment':'" + "' " * 30_000],
    ids=["blanks", "quotes", "keys", "braces", "open quotes"],
)
def test_a_hostile_reply_is_read_in_time(reply: str) -> None:
    assert len(parse_status(reply).state_val) == NUM_STATES
