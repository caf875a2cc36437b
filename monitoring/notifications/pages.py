"""The pages of notifications: channels, routes and what was sent; and silences of alerts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pydantic
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from core.api.constraints import describe_error
from core.limits.wait_limiter import TooManyWaiting
from core.pages.page import Page, message_response, redirect_back
from core.text.names import check_line
from monitoring.models import (
    AlertSilence,
    NotificationChannel,
    NotificationDelivery,
    NotificationRoute,
    NotificationState,
)
from monitoring.notifications.channels.kinds import CHANNEL_KINDS, channel_class
from monitoring.notifications.forms import ChannelForm, RouteForm
from monitoring.notifications.requests import ChannelRequest, NotificationChannelChange, RouteRequest
from monitoring.notifications.selectors import (
    channels_for,
    notifications_for,
    routes_for,
    silences_for,
    status_of,
    statuses_of,
)
from monitoring.notifications.services import (
    add_channel,
    add_route,
    change_channel,
    change_route,
    remove_channel,
    remove_route,
    send_test,
)
from monitoring.notifications.silences import TooManySilences, end_silence, silence_alert
from monitoring.selectors import alerts_for

NEWEST = 50
LABELS = {kind: label for kind, (label, _) in CHANNEL_KINDS.items()}
ON_PAGE = {kind: label for kind, label in LABELS.items() if not channel_class(kind).settings_model.from_file_only}
"""Kinds that a page may add."""
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
        "channels": statuses_of(channels_for(user)),
        "routes": list(routes_for(user)),
        "notifications": list(notifications_for(user).order_by("-created_at", "-id")[:NEWEST]),
        "labels": LABELS,
    }


class AddChannelPage(Page):
    roles = {"GET": "manager", "POST": "manager"}
    template = "notifications/add_channel.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if kwargs["kind"] not in ON_PAGE:
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, kind: str) -> HttpResponse:
        return self._form(kind, ChannelForm(kind))

    def post(self, request: HttpRequest, kind: str) -> HttpResponse:
        form = ChannelForm(kind, request.POST)
        if not form.is_valid():
            return self._form(kind, form, 400)
        wanted = ChannelRequest(name=form.cleaned_data["name"], kind=kind, settings=form.settings)
        try:
            channel = add_channel(wanted, self.actor)
        except ValidationError as error:
            form.add_errors(error)
            return self._form(kind, form, 400)
        messages.success(request, f"{channel.name} was added. Test it, and add a route to it.")
        return redirect("channel", channel.pk)

    def _form(self, kind: str, form: ChannelForm, status: int = 200) -> HttpResponse:
        return self.render({"kind": kind, "label": LABELS[kind], "form": form}, status=status)


class PageOfChannel(Page):
    """A page of the channel in the URL."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except (NotificationChannel.DoesNotExist, NotificationRoute.DoesNotExist):
            raise Http404 from None

    def channel(self) -> NotificationChannel:
        """NotificationChannel.DoesNotExist."""
        return channels_for(self.request.user).get(pk=self.kwargs["channel"])


class ChannelPage(PageOfChannel):
    """One channel with its settings and what it sent."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "notifications/channel.html"

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        channel = self.channel()
        return self._page(channel, ChannelForm(channel.kind, channel=channel))

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        """Change name and settings."""
        channel = self.channel()
        form = ChannelForm(channel.kind, request.POST, channel)
        if not form.is_valid():
            return self._page(channel, form, 400)
        wanted = NotificationChannelChange(name=form.cleaned_data["name"], settings=form.settings)
        try:
            change_channel(channel, wanted, self.actor)
        except ValidationError as error:
            form.add_errors(error)
            return self._page(channel, form, 400)
        messages.success(request, f"{wanted.name} was changed.")
        return redirect("channel", channel.pk)

    def _page(self, channel: NotificationChannel, form: ChannelForm, status: int = 200) -> HttpResponse:
        rows = notifications_for(self.request.user).filter(channel=channel).order_by("-created_at", "-id")
        context = {
            "status": status_of(channel), "form": form, "label": LABELS.get(channel.kind, channel.kind),
            "notifications": list(rows[:NEWEST]),
        }  # fmt: skip
        return self.render(context, status=status)


class TestChannelPage(PageOfChannel):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        """Send a real message and answer with its outcome."""
        try:
            delivery = send_test(self.channel(), self.actor)
        except TooManyWaiting as error:
            return message_response(request, "warn", str(error))
        return message_response(request, *outcome_of(delivery))


def outcome_of(delivery: NotificationDelivery) -> tuple[str, str]:
    if delivery.state != NotificationState.SENT:
        return "bad", f"The test failed. {delivery.error}"
    return "ok", f"{delivery.channel.name} accepted the test. See whether it has arrived."


class SwitchChannelPage(PageOfChannel):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        """Switch it on or off."""
        enabled = request.POST.get("enabled") == "yes"
        channel = change_channel(self.channel(), NotificationChannelChange(enabled=enabled), self.actor)
        waiting = "" if enabled else " What waited is cancelled."
        messages.success(request, f"{channel.name} is {'on' if enabled else 'off'}.{waiting}")
        return redirect("channel", channel.pk)


class RemoveChannelPage(PageOfChannel):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        """Remove it with its routes. The button asks first."""
        channel = self.channel()
        messages.success(request, remove_channel(channel, self.actor))
        return redirect("notifications")


class RouteFormPage(PageOfChannel):
    roles = {"GET": "manager", "POST": "manager"}
    template = "notifications/route.html"

    def route(self) -> NotificationRoute | None:
        """NotificationRoute.DoesNotExist."""
        return routes_for(self.request.user).get(pk=self.kwargs["route"])

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        route = self.route()
        return self.render({"form": RouteForm(route=route), "route": route})

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        route = self.route()
        form = RouteForm(request.POST, route)
        if form.is_valid() and self._save(form, route):
            messages.success(request, f"{form.cleaned_data['name']} is saved.")
            return redirect("notifications")
        return self.render({"form": form, "route": route}, status=400)

    def _save(self, form: RouteForm, route: NotificationRoute | None) -> bool:
        """False with errors in the form."""
        try:
            wanted = RouteRequest.model_validate(form.values)
            if route is None:
                add_route(wanted, self.actor)
            else:
                change_route(route, wanted, self.actor)
        except ValidationError as error:
            form.add_errors(error)
        except pydantic.ValidationError as refused:
            for item in refused.errors():
                name = str(item["loc"][0]) if item["loc"] else None
                form.add_error(name if name in form.fields else None, describe_error(item))
        return not form.errors


class AddRoutePage(RouteFormPage):
    def route(self) -> NotificationRoute | None:
        return None


class RoutePage(RouteFormPage):
    """The route in the URL."""


class RemoveRoutePage(PageOfChannel):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, route: UUID) -> HttpResponse:
        """Remove it. The button asks first."""
        found = routes_for(request.user).get(pk=route)
        remove_route(found, self.actor)
        messages.success(request, f"{found.name} was removed.")
        return redirect("notifications")


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


class EndSilencePage(Page):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, silence: UUID) -> HttpResponse:
        """Notify again."""
        found: AlertSilence | None = silences_for(request.user).filter(pk=silence).first()
        if found is None:
            raise Http404
        end_silence(found, self.actor)
        return redirect_back(request)
