"""The event, the total and the notice of a capture that has its outcome."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from captures.capturing.models import Capture, CaptureFile, CaptureReference
from captures.capturing.notices import publish_capture
from captures.capturing.references import describe_references
from captures.capturing.totals import count_outcome
from core.camera_names import CameraRef
from core.text.sentences import join_sentences, sentence
from monitoring.services import record_event

SEVERITIES = {"saved": "info", "failed": "error", "skipped": "warning"}
STOPPED = "session_stopped"
"""A reason that is no failure: a user stopped the session during the exposure."""


def publish_outcome(
    capture: Capture, camera: CameraRef, files: list[CaptureFile], references: Iterable[CaptureReference] = (),
    durable_after_s: float | None = None,
) -> None:  # fmt: skip
    """Count the outcome and record its event, in the caller's transaction, and publish its notice after the commit.
    Each capture that a camera takes or fails to take comes here once; adopted ones do not. `durable_after_s` as of
    `count_outcome`."""
    count_outcome(capture, durable_after_s)
    warnings = _setting_warnings(capture)
    remote = describe_references(references)
    where = [f"Remote: {remote}, not held by this station."] if remote else []
    saved = capture.message or sentence("{camera} saved a capture.", camera=camera)
    message = join_sentences([saved, *where, *warnings])
    severity = "info" if capture.reason == STOPPED else SEVERITIES[capture.status]
    record_event(
        f"capture.{capture.status}", message, severity="warning" if warnings and severity == "info" else severity,
        camera=camera, subject=capture.pk, actor=capture.requested_by,
        data=_command_arguments(capture) | ({"reason": capture.reason} if capture.reason else {}),
    )  # fmt: skip
    publish_capture(capture, camera.slug, files)


def _command_arguments(capture: Capture) -> dict[str, Any]:
    """Arguments of the capture command; a session's arguments are in the event of its start."""
    return {} if capture.session_id else {"arguments": capture.asked}


def _setting_warnings(capture: Capture) -> list[str]:
    """Warnings of values that the camera did not accept. A session reports them once, when it begins."""
    return [] if capture.session_id else capture.warnings
