"""The table of the recorder's states and moves."""

from __future__ import annotations

import pytest

from captures.recordings.recorder.clip_policy import MOVES, TABLE, Cause, Ending, State


def test_each_cause_has_one_move_from_each_state() -> None:
    assert len(MOVES) == sum(len(move.before) for move in TABLE)


@pytest.mark.parametrize("state", State)
def test_a_failure_a_stop_and_a_request_may_come_in_each_state(state: State) -> None:
    assert {cause for before, cause in MOVES if before is state} >= {Cause.FAILURE, Cause.STOPPED, Cause.REQUESTED}


def test_a_clip_is_opened_only_for_a_frame_and_never_left_open() -> None:
    moves = [(before, move) for (before, _), move in MOVES.items()]
    opening = {move.cause for before, move in moves if State.RECORDING is move.after is not before}
    leaving = {move.ending for before, move in moves if State.RECORDING is before is not move.after}
    assert opening == {Cause.OPENED}
    assert leaving == set(Ending)


def test_each_state_can_be_reached_and_left() -> None:
    assert {move.after for move in TABLE} == set(State)
    assert {before for (before, _), move in MOVES.items() if move.after is not before} == set(State)
