"""Commands of a recorder are answered once, with the outcome that they await."""

from __future__ import annotations

from typing import Any

import pytest

from captures.recordings.recorder.recorder_reports import CLIPS_FINALIZED, FRAME_WRITTEN, CommandAnswers


@pytest.fixture
def sent() -> list[Any]:
    return []


@pytest.fixture
def answers(sent: list[Any]) -> CommandAnswers:
    return CommandAnswers(sent.append)


def test_a_command_is_answered_once_with_what_it_awaits(answers: CommandAnswers, sent: list[Any]) -> None:
    answers.add({"type": "record", "command_id": "1"}, FRAME_WRITTEN)
    answers.add({"type": "record", "command_id": "2"}, CLIPS_FINALIZED)
    answers.accept(FRAME_WRITTEN, {"clip": "a"})
    answers.accept(FRAME_WRITTEN, {"clip": "b"})
    assert sent == [{"type": "answer", "command_id": "1", "ok": True, "body": {"clip": "a"}}]
    assert not answers.is_empty


def test_a_command_without_an_id_is_not_answered(answers: CommandAnswers, sent: list[Any]) -> None:
    answers.add({"type": "configure"}, FRAME_WRITTEN)
    answers.refuse_now({"type": "rotate"}, "not-recording", "sky is not writing a clip.")
    assert answers.is_empty is True
    assert sent == []


@pytest.mark.parametrize(("reason", "more"), [("disk_full", {"reason": "disk_full"}), ("", {})])
def test_a_refusal_says_why(answers: CommandAnswers, sent: list[Any], reason: str, more: dict[str, str]) -> None:
    answers.add({"command_id": "1"}, FRAME_WRITTEN)
    answers.refuse(FRAME_WRITTEN, "disk-full", "The disk is full.", reason)
    refusal = {"type": "answer", "command_id": "1", "ok": False, "problem": "disk-full", "detail": "The disk is full."}
    assert sent == [{**refusal, **more}]
