"""The event, the total and the notice of a capture that has its outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from captures.capturing.models import Capture, CaptureFile, CaptureReference
from captures.capturing.notices import publish_captures
from captures.capturing.references import describe_references
from captures.capturing.totals import count_outcomes
from core.camera_names import CameraRef
from core.events.models import Event
from core.events.service import new_event, record_events
from core.text.sentences import join_sentences, sentence

SEVERITIES = {"saved": "info", "failed": "error", "skipped": "warning"}
STOPPED = "session_stopped"
"""A reason that is no failure: a user stopped the session during the exposure."""


@dataclass(frozen=True, slots=True)
class StoredOutcome:
    """A capture whose outcome was just stored, with its files and the references to those that its camera keeps.
    `durable_after_s` as of `count_outcomes`."""

    capture: Capture
    camera: CameraRef
    files: Sequence[CaptureFile] = ()
    references: Sequence[CaptureReference] = ()
    durable_after_s: float | None = None


def publish_outcomes(outcomes: Sequence[StoredOutcome]) -> None:
    """Count the outcomes and record their events, in the caller's transaction, and publish their notices after the
    commit. Each capture that a camera takes or fails to take comes here once; adopted ones do not."""
    count_outcomes((one.capture, one.durable_after_s) for one in outcomes)
    record_events([_outcome_event(one) for one in outcomes])
    publish_captures([(one.capture, one.camera.slug, one.files) for one in outcomes])


def _outcome_event(outcome: StoredOutcome) -> Event:
    capture = outcome.capture
    warnings = _setting_warnings(capture)
    remote = describe_references(outcome.references)
    where = [f"Remote: {remote}, not held by this station."] if remote else []
    saved = capture.message or sentence("{camera} saved a capture.", camera=outcome.camera)
    message = join_sentences([saved, *where, *warnings])
    severity = "info" if capture.reason == STOPPED else SEVERITIES[capture.status]
    return new_event(
        f"capture.{capture.status}", message, severity="warning" if warnings and severity == "info" else severity,
        camera=outcome.camera, subject=capture.pk, actor=capture.requested_by,
        data=_command_arguments(capture) | ({"reason": capture.reason} if capture.reason else {}),
    )  # fmt: skip


def _command_arguments(capture: Capture) -> dict[str, Any]:
    """Arguments of the capture command; a session's arguments are in the event of its start."""
    return {} if capture.session_id else {"arguments": capture.asked}


def _setting_warnings(capture: Capture) -> list[str]:
    """Warnings of values that the camera did not accept. A session reports them once, when it begins."""
    return [] if capture.session_id else capture.warnings
