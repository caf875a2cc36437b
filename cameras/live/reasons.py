"""Why there is no picture, as a word for programs and a sentence that says what to do."""

from __future__ import annotations

from typing import TypedDict

from cameras.status import Status


class NoFrame(TypedDict):
    type: str
    reason: str
    message: str
    last_frame: str | None


SENTENCES = {
    "broker": "The station's broker does not answer. Recording goes on; pictures come back by themselves.",
    "host_down": "The camera host of {slug} does not answer. Start `skycam up` there.",
    "disabled": "{slug} is disabled. A manager can enable it.",
    "disconnected": "{slug} is disconnected. Connect it to see pictures.",
    "starting": "{slug} is starting.",
    "reconnecting": "{slug} was lost and is being connected again. {why}",
    "quarantined": "{slug} is quarantined and needs somebody. {why}",
    "busy": "{slug} is exposing; the next picture comes when that has ended.",
    "stale": "{slug} is ready but gives no pictures; the last one came at {last}.",
    "never": "{slug} is ready but has given no picture yet.",
}


def no_frame(slug: str, status: Status | None) -> NoFrame:
    """`status` is None when the broker is away."""
    if status is None:
        return NoFrame(type="no_frame", reason="broker", message=SENTENCES["broker"], last_frame=None)
    reason, last = reason_of(status), status["last_frame"]
    message = SENTENCES[reason].format(slug=slug, why=status["reason"], last=last).strip()
    return NoFrame(type="no_frame", reason=reason, message=message, last_frame=last)


def reason_of(status: Status) -> str:
    observed = status["observed"]
    if observed == "host_down" and status["desired"] == "disabled":
        return "disabled"
    if observed in SENTENCES:
        return observed
    return "stale" if status["last_frame"] else "never"
