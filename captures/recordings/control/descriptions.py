"""A camera's recording in a sentence, for the command line and for pages."""

from __future__ import annotations

from cameras.runtime.recording_state import Recorder
from captures.recordings.control.commands import RecordingBody


def describe_recording(body: RecordingBody) -> str:
    """Whether the camera is recording, and if not, why."""
    camera, recorder = body["camera"], body["recorder"]
    if recorder is None:
        unknown = f"{camera} should be recording; its host does not answer, so its state is unknown."
        return unknown if body["desired"] else f"{camera} is not recording."
    return f"{camera} {_describe_state(recorder)} {recorder['message']}".strip()


def _describe_state(recorder: Recorder) -> str:
    if recorder["state"] == "failing":
        return "cannot record."
    if recorder["state"] == "waiting":
        return "should be recording and is waiting for frames."
    return f"is recording ({recorder['kind']}{', started by ' + recorder['by'] if recorder['by'] else ''})."
