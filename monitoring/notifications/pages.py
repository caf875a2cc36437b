"""The pages of notifications: channels, routes and what was sent; and silences of alerts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, include, path

from core.events.selectors import alerts_for
from core.limits.refusals import TooManyWaiting
from core.pages import Page, message_response, redirect_back
from core.resources.pages import FormPage, PressPage, ResourcePage, SwitchPage, page_of, pages_of
from core.text.names import check_line
from monitoring.models import NotificationDelivery
from monitoring.notification_states import NotificationState
from monitoring.notifications.channels.base import CHANNEL_KINDS
from monitoring.notifications.resource import CHANNELS, ROUTES
from monitoring.notifications.selectors import channels_for, notifications_for, routes_for, with_pending
from monitoring.notifications.services import send_test
from monitoring.notifications.silences import TooManySilences, silence_alert

NEWEST = 50
LABELS = {kind: label for kind, (label, _) in CHANNEL_KINDS.items()}
ON_PAGE = CHANNELS.form_kinds()
SILENCE_HOURS = {"1h": 3600.0, "8h": 8 * 3600.0, "resolved": None}
MAX_REASON = 200


class NotificationsPage(Page):
    roles = {"GET": "manager"}
    template = "notifications/notifications.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render({**list_context(request.user), "kinds": ON_PAGE})


class NotificationsNow(Page):
    """The list, which changes by itself."""

    roles = {"GET": "manager"}
    template = "notifications/_notifications_now.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(list_context(request.user))


def list_context(user: Any) -> dict[str, Any]:
    return {
        "channels": with_pending(channels_for(user), user),
        "routes": list(routes_for(user)),
        "notifications": list(notifications_for(user).order_by("-created_at", "-id")[:NEWEST]),
        "labels": LABELS,
    }


class ChannelFormPage(FormPage):
    def follow(self, row: Any) -> HttpResponse:
        return redirect("channel", row.pk)


class AddChannelPage(ChannelFormPage):
    template = "notifications/add_channel.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if kwargs["kind"] not in ON_PAGE:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def context(self) -> dict[str, Any]:
        return {"kind": self.kwargs["kind"], "label": LABELS[self.kwargs["kind"]]}


class ChannelPage(ChannelFormPage):
    """One channel with its settings and what it sent."""

    template = "notifications/channel.html"

    def context(self) -> dict[str, Any]:
        (channel,) = with_pending([self.row()], self.request.user)
        rows = notifications_for(self.request.user).filter(channel=channel).order_by("-created_at", "-id")
        label = LABELS.get(channel.kind, channel.kind)
        return {"channel": channel, "label": label, "notifications": list(rows[:NEWEST])}


class TestChannelPage(ResourcePage):
    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        """Send a real message and answer with its outcome."""
        try:
            delivery = send_test(self.row(), self.actor)
        except TooManyWaiting as error:
            return message_response(request, "warn", str(error))
        return message_response(request, *outcome_of(delivery))


def outcome_of(delivery: NotificationDelivery) -> tuple[str, str]:
    if delivery.state != NotificationState.SENT:
        return "bad", f"The test failed. {delivery.error}"
    return "ok", f"{delivery.channel.name} accepted the test. See whether it has arrived."


class SwitchChannelPage(SwitchPage):
    effect = "What waited is cancelled."

    def follow(self, row: Any) -> HttpResponse:
        return redirect("channel", row.pk)


class SilenceAlertPage(Page):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, alert: UUID) -> HttpResponse:
        """Notify no one of the alert for some time."""
        found, chosen = alerts_for(request.user).filter(pk=alert).first(), request.POST.get("for", "")
        if found is None:
            raise Http404
        if chosen not in SILENCE_HOURS:
            return message_response(request, "warn", "Choose for how long.")
        try:
            reason = check_line(request.POST.get("reason", "").strip())[:MAX_REASON]
            silence_alert(found, self.actor, reason, SILENCE_HOURS[chosen])
        except (ValueError, TooManySilences) as error:
            return message_response(request, "warn", str(error))
        return redirect_back(request)


def channel_page(kind: type[ResourcePage], name: str) -> Any:
    return page_of(kind, CHANNELS, name, "notifications")


urlpatterns: list[URLPattern | URLResolver] = [
    path("", NotificationsPage.as_view(), name="notifications"),
    path("now/", NotificationsNow.as_view(), name="notifications-now"),
    path("channels/add/<slug:kind>/", channel_page(AddChannelPage, "add"), name="add-channel"),
    path("channels/<uuid:channel>/", channel_page(ChannelPage, "change"), name="channel"),
    path("channels/<uuid:channel>/test/", channel_page(TestChannelPage, "test"), name="test-channel"),
    path("channels/<uuid:channel>/switch/", channel_page(SwitchChannelPage, "change"), name="switch-channel"),
    path("channels/<uuid:channel>/remove/", channel_page(PressPage, "remove"), name="remove-channel"),
    path("routes/", include(pages_of(ROUTES, "notifications", "Notifications"))),
]
