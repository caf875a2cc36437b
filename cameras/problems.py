"""EXCEPTIONS: the API's problems for the exceptions of this app."""

from __future__ import annotations

from cameras.errors import ControlError
from cameras.leases import LeaseHeld
from cameras.live.snapshot_limiter import SnapshotLimitExceeded
from cameras.live.viewer_registry import LiveViewRefused
from cameras.selectors import NoPrimaryCamera
from cameras.settings.presets import NoPreset
from cameras.viewers import ViewerNotFound
from core.api.problems import PROBLEMS, ExceptionTable, Problem, from_message
from core.broker.broker import BrokerDown


def lease_held(error: LeaseHeld) -> Problem:
    """Another user's lease holds the camera, or its session forbids the command."""
    return Problem("held", error.detail, extensions=error.members, title=error.title)


def control_failed(error: ControlError) -> Problem:
    return Problem(known_type(error.problem), error.detail, extensions={"reason": error.reason} if error.reason else {})


def live_view_refused(error: LiveViewRefused) -> Problem:
    if error.reason == "disabled":
        return Problem("live-disabled", str(error))
    return Problem("live-full", str(error), headers={"Retry-After": "5"})


def snapshot_limit_exceeded(error: SnapshotLimitExceeded) -> Problem:
    return Problem("rate-limited", str(error), headers={"Retry-After": str(error.retry_s)})


def known_type(name: str) -> str:
    """`name`, or a general type: a newer camera host may send types that are unknown here."""
    # `Problem.response` looks the type up, so an unknown one would become a 500.
    return name if name in PROBLEMS else "camera-not-reachable"


EXCEPTIONS: ExceptionTable = {
    NoPreset: from_message("not-found"),
    ViewerNotFound: from_message("not-found"),
    NoPrimaryCamera: from_message("no-primary-camera"),
    LeaseHeld: lease_held,
    ControlError: control_failed,
    LiveViewRefused: live_view_refused,
    SnapshotLimitExceeded: snapshot_limit_exceeded,
    BrokerDown: from_message("broker-down"),
}
