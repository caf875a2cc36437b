"""The messages on the link: each has a handler, and a message keeps its form."""

from __future__ import annotations

import json
from typing import Any, cast, get_args

from cameras.runtime.command_inbox import CommandInbox
from cameras.runtime.link import Reporter
from cameras.runtime.messages import (
    AnswerReport,
    CaptureCommand,
    Command,
    CommandType,
    FaultsCommand,
    Report,
    WithdrawCommand,
)
from tests.harness.camera_processes.camera_loop import RecordingLink
from tests.harness.clocks.camera_clock import SetClock

CAPTURE: Any = {"type": "capture", "id": "a", "planned": "", "asked": {}, "requested_by": "", "job": ""}


def test_a_command_without_an_id_is_not_answered() -> None:
    link = RecordingLink()
    reporter = Reporter(link)
    reporter.answer_command(FaultsCommand(type="faults", faults={}), {"faults": {}})
    reporter.refuse_command(WithdrawCommand(type="withdraw", id="a"), "not_started", "Too late.")
    assert link.messages == []


def test_the_answer_to_a_capture_names_it() -> None:
    link = RecordingLink()
    Reporter(link).refuse_command({**CAPTURE, "command_id": "c"}, "root_missing", "It is gone.")
    assert link.messages == [
        AnswerReport(
            type="answer", command_id="c", ok=False, id="a", problem="camera-not-reachable", reason="root_missing",
            detail="It is gone.", unstarted=True,
        )
    ]  # fmt: skip


def test_a_state_is_reported_when_it_changes_and_busy_is_no_change() -> None:
    link = RecordingLink()
    reporter = Reporter(link)
    for state in ("ready", "busy", "ready"):
        reporter.report_state(state)
    reporter.report_state("reconnecting", "It is gone.", "camera_unreachable")
    assert [(sent["observed"], sent["reason"], sent["code"]) for sent in link.messages] == [
        ("ready", "", ""),
        ("reconnecting", "It is gone.", "camera_unreachable"),
    ]


def test_the_unions_and_the_names_of_the_messages_agree() -> None:
    assert len(get_args(Command)) == len(get_args(CommandType))
    assert all(json.dumps(message.__doc__) for message in (*get_args(Command), *get_args(Report)))


def test_captures_wait_apart_from_other_commands() -> None:
    inbox = CommandInbox(SetClock())
    inbox.add(CAPTURE)
    inbox.add({"type": "read"})
    assert [command["type"] for command in inbox.pop_commands()] == ["read"]
    assert inbox.has_captures is True
    assert inbox.idle_s(5.0) == 0.0
    assert [command["id"] for command in inbox.pop_captures()] == ["a"]
    assert inbox.is_empty is True
    assert inbox.idle_s(5.0) == 5.0


class Interrupted(dict[str, Any]):
    """A capture during the comparison of whose id the link's thread adds another one."""

    inbox: CommandInbox

    def __getitem__(self, name: str) -> Any:
        if name == "id":
            self.inbox.add({**CAPTURE, "id": "late"})
        return super().__getitem__(name)


def test_a_capture_may_arrive_while_another_one_is_removed() -> None:
    inbox, first = CommandInbox(SetClock()), Interrupted(CAPTURE)
    first.inbox = inbox
    inbox.add(cast(CaptureCommand, first))
    inbox.add({**CAPTURE, "id": "b"})
    removed = inbox.remove_capture("b")
    waiting = [capture.get("id") for capture in inbox.pop_captures()]
    assert removed is not None
    assert waiting[0] == "a"
    assert set(waiting[1:]) == {"late"}


def test_a_waiting_capture_can_be_removed_once() -> None:
    inbox = CommandInbox(SetClock())
    inbox.add(CAPTURE)
    assert inbox.remove_capture("a") == CAPTURE
    assert inbox.remove_capture("a") is None
    assert inbox.is_empty is True
