"""The page of viewers: who watches what, with a button that ends it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from cameras import viewers
from cameras.errors import ControlError
from cameras.live.service import station_presets
from cameras.live.viewer_registry import LIVE_VIEW_OFF
from core.broker.broker import BrokerDown
from core.pages import Page, message_response


class ViewersPage(Page):
    template = "cameras/viewers.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render({**viewers_context(request.user), "presets": station_presets()})


class ViewersNow(Page):
    """The parts of the page that change by themselves."""

    template = "cameras/_viewers_now.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(viewers_context(request.user))


class EndViewerPage(Page):
    roles = {"POST": "viewer"}

    def post(self, request: HttpRequest, viewer: UUID) -> HttpResponse:
        """End this live view and answer with a message."""
        try:
            ended = viewers.end_viewer(request.user, str(viewer))
        except viewers.ViewerNotFound as error:
            return message_response(request, "warn", str(error))
        except (ControlError, BrokerDown) as error:
            return message_response(request, "bad", str(error))
        return message_response(request, "ok", f"Ended: {ended['user']} on {ended['camera']}.")


def viewers_context(user: Any) -> dict[str, Any]:
    limits = viewers.limits()
    context = {"limits": limits, "enabled": viewers.enabled(), "off": LIVE_VIEW_OFF}
    try:
        found = viewers.viewers_for(user)
    except BrokerDown as error:
        return {**context, "trouble": str(error)}
    total = sum(body["kbit_s"] for body in found)
    return {**context, "viewers": found, "own": count_own(found, user), "kbit_s": total}


def count_own(found: list[Any], user: Any) -> int:
    return sum(body["user"] == user.get_username() for body in found)
