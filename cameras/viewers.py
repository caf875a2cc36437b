"""The viewers of live pictures over all web processes, and how to end one."""

from __future__ import annotations

import time
from typing import Any

from cameras.errors import TooSlow
from cameras.live.viewer import ViewerBody
from cameras.live.viewer_registry import request_end, viewers_everywhere
from cameras.models import Camera
from core.events.service import record_event
from core.station_settings import live_streaming_config
from core.text.sentences import sentence

END_TIMEOUT_S = 2.0  # a web process reads the requests twice a second
POLL_S = 0.05


class ViewerNotFound(Exception):
    def __init__(self) -> None:
        super().__init__("There is no such viewer, or you may not see it. It may have ended just now.")


def viewers_for(user: Any) -> list[ViewerBody]:
    """A manager sees all viewers and their addresses; others see their own viewers. BrokerDown."""
    return [
        without_address(body, user)
        for body in sorted(_viewers_by_id().values(), key=lambda body: body["id"])
        if may_see(body, user)
    ]


def _viewers_by_id() -> dict[str, ViewerBody]:
    return {body["id"]: body for bodies in viewers_everywhere().values() for body in bodies}


def may_see(body: ViewerBody, user: Any) -> bool:
    return bool(user.may("manager")) or body["user"] == user.get_username()


def without_address(body: ViewerBody, user: Any) -> ViewerBody:
    return body if user.may("manager") else {**body, "remote": None}


def end_viewer(user: Any, viewer: str) -> ViewerBody:
    """End a viewer and wait until its web process has. ViewerNotFound, also when the user may not see it; TooSlow,
    BrokerDown."""
    for process, bodies in viewers_everywhere().items():
        for body in bodies:
            # Both together: the answer must not reveal that the viewer of another user exists.
            if body["id"] == viewer and may_see(body, user):
                request_end(process, viewer, user.get_username())
                _wait_for_end(viewer)
                _record_end(body, user.get_username())
                return without_address(body, user)
    raise ViewerNotFound


def _wait_for_end(viewer: str) -> None:
    deadline = time.monotonic() + END_TIMEOUT_S
    while viewer in _viewers_by_id():
        if time.monotonic() > deadline:
            raise TooSlow(f"The web process of this viewer did not end it within {END_TIMEOUT_S:g} s. Try again.")
        time.sleep(POLL_S)


def _record_end(body: ViewerBody, by: str) -> None:
    """An event, unless users end a viewer of their own."""
    if body["user"] != by:
        # A removed camera may have had the same slug.
        camera = Camera.objects.present().filter(slug=body["camera"]).first()
        message = sentence(
            "{who} ended a live view of {camera} that {user} had.",
            who=by, camera=camera or body["camera"], user=body["user"],
        )  # fmt: skip
        record_event("live.ended", message, camera=camera, actor=by, data={"viewer": body["id"]})


def limits() -> dict[str, int]:
    """How many viewers there may be, and their bandwidth: 0 kbit/s is no limit."""
    config = live_streaming_config()
    return {
        "max_viewers": config.max_viewers,
        "max_viewers_per_user": config.max_viewers_per_user,
        "per_viewer_kbit_s": config.bandwidth.per_viewer_kbit_s,
        "total_kbit_s": config.bandwidth.total_kbit_s,
    }


def enabled() -> bool:
    return bool(live_streaming_config().enabled)
