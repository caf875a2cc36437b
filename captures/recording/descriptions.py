"""A camera's recording in a sentence, for people at the command line and on pages."""

from __future__ import annotations

from cameras.runtime.recording_state import Recorder
from captures.recording.recording_commands import RecordingBody


def describe_recording(body: RecordingBody) -> str:
    """What it does, and where it does not record as it should, why."""
    camera, recorder = body["camera"], body["recorder"]
    if recorder is None:
        unknown = f"{camera} shall record; its host does not answer, so nobody knows whether it does."
        return unknown if body["desired"] else f"{camera} does not record."
    return f"{camera} {_describe_state(recorder)} {recorder['message']}".strip()


def _describe_state(recorder: Recorder) -> str:
    if recorder["state"] == "failing":
        return "cannot record."
    if recorder["state"] == "waiting":
        return "shall record, and waits for frames."
    return f"records ({recorder['kind']}{', for ' + recorder['by'] if recorder['by'] else ''})."
