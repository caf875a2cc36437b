"""The pages of web-hooks: the list with its form, one web-hook with its deliveries, and one delivery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from core import database_clock
from core.api.paging import beyond
from core.api.queries import Cursor
from core.limits.wait_limiter import TooManyWaiting
from core.pages.page import Page, message_response
from monitoring.models import DeliveryState, Webhook, WebhookDelivery
from monitoring.webhooks.bodies import warning_of
from monitoring.webhooks.forms import WebhookForm
from monitoring.webhooks.kinds import TEST_KIND
from monitoring.webhooks.requests import DeliveryQuery, WebhookChange, WebhookRequest
from monitoring.webhooks.selectors import (
    WebhookStatus,
    deliveries_of,
    status_of,
    statuses_of,
    webhook_for,
    webhooks_for,
)
from monitoring.webhooks.services import (
    WebhookBusy,
    WebhookDisabled,
    add_webhook,
    change_webhook,
    remove_webhook,
    replay_delivery,
    rotate_secret,
    send_test,
)

ROWS = 50
STATES = {state.value: state.value for state in DeliveryState}


@dataclass(frozen=True, slots=True)
class WebhookDisplay:
    """A web-hook as the pages show it."""

    status: WebhookStatus

    @property
    def webhook(self) -> Webhook:
        return self.status.webhook

    @property
    def warning(self) -> str:
        return warning_of(self.webhook)

    @property
    def state(self) -> str:
        """`off`, `gone` (switched off by the station), `failing`, `new` or `ok`."""
        if not self.webhook.enabled:
            return "gone" if self.webhook.disabled_reason else "off"
        if self.webhook.failing_since is not None:
            return "failing"
        return "ok" if self.status.last else "new"


class PageOfWebhook(Page):
    """A page of the web-hook in the URL."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except (Webhook.DoesNotExist, WebhookDelivery.DoesNotExist):
            raise Http404 from None

    def webhook(self) -> Webhook:
        """Webhook.DoesNotExist."""
        return webhook_for(self.request.user, self.kwargs["webhook"])

    def delivery(self) -> WebhookDelivery:
        """WebhookDelivery.DoesNotExist."""
        return WebhookDelivery.objects.get(pk=self.kwargs["delivery"], webhook=self.webhook())


class WebhooksPage(Page):
    roles = {"GET": "manager", "POST": "manager"}
    template = "webhooks/webhooks.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._list(WebhookForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """A new web-hook. Its secret is shown only once."""
        form = WebhookForm(request.POST)
        if not form.is_valid():
            return self._list(form, 400)
        values = form.cleaned_data
        wanted = WebhookRequest(name=values["name"], url=values["url"], kinds=values["kinds"])
        try:
            webhook, secret = add_webhook(wanted, self.actor)
        except ValidationError as error:
            form.add_errors(error)
            return self._list(form, 400)
        return self._list(WebhookForm(), added=webhook, secret=secret)

    def _list(self, form: WebhookForm, status: int = 200, **more: Any) -> HttpResponse:
        answer = self.render({**list_context(self.request.user), "form": form, **more}, status=status)
        answer.headers["Cache-Control"] = "no-store"
        return answer


class WebhooksNow(Page):
    """The list, which changes by itself."""

    roles = {"GET": "manager"}
    template = "webhooks/_webhooks_now.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(list_context(request.user))


def list_context(user: Any) -> dict[str, Any]:
    return {"webhooks": [WebhookDisplay(status) for status in statuses_of(webhooks_for(user))]}


class WebhookPage(PageOfWebhook):
    """One web-hook with its deliveries, newest first. The filter is in the URL, also for the partial that refreshes."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "webhooks/webhook.html"

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        webhook = self.webhook()
        return self._page(webhook, WebhookForm(webhook=webhook))

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        """Change name, address and kinds."""
        webhook = self.webhook()
        form = WebhookForm(request.POST, webhook)
        if not form.is_valid():
            return self._page(webhook, form, 400)
        values = form.cleaned_data
        wanted = WebhookChange(name=values["name"], url=values["url"] or None, kinds=values["kinds"])
        try:
            change_webhook(webhook, wanted, self.actor)
        except ValidationError as error:
            form.add_errors(error)
            return self._page(webhook, form, 400)
        messages.success(request, f"{values['name']} was changed.")
        return redirect("webhook", webhook.pk)

    def _page(self, webhook: Webhook, form: WebhookForm, status: int = 200, **more: Any) -> HttpResponse:
        return self.render({**webhook_context(self.request, webhook), "form": form, **more}, status=status)


class WebhookNow(PageOfWebhook):
    """The parts of the page that change by themselves."""

    roles = {"GET": "manager"}
    template = "webhooks/_webhook_now.html"

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        return self.render(webhook_context(request, self.webhook()))


def webhook_context(request: HttpRequest, webhook: Webhook) -> dict[str, Any]:
    chosen, before = request.GET.get("state", ""), request.GET.get("before", "")
    found = deliveries_of(webhook).filter(**DeliveryQuery.lenient({"state": chosen}).conditions())
    # One row more than a page shows whether there are older ones.
    rows = list(beyond(found, "created_at", cursor_of(before))[: ROWS + 1])
    older = Cursor(rows[ROWS - 1].created_at, rows[ROWS - 1].pk, newer=False).text() if len(rows) > ROWS else ""
    return {
        "display": WebhookDisplay(status_of(webhook)),
        "deliveries": rows[:ROWS],
        "rotating": webhook.old_secret_until is not None and webhook.old_secret_until > database_clock.estimate(),
        "chosen": chosen,
        "states": STATES,
        "query": urlencode({name: value for name, value in {"state": chosen, "before": before}.items() if value}),
        "older": urlencode({"state": chosen, "before": older}) if older else "",
    }


def cursor_of(text: str) -> Cursor | None:
    """404 for a bad cursor."""
    try:
        return Cursor.parse(text) if text else None
    except ValueError:
        raise Http404 from None


class TestWebhookPage(PageOfWebhook):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        """Send a test and answer with its outcome."""
        try:
            delivery = send_test(self.webhook(), self.actor)
        except (WebhookBusy, TooManyWaiting) as error:
            return message_response(request, "warn", str(error))
        attempt = delivery.attempts.all()[0]
        if delivery.state != DeliveryState.DELIVERED:
            return message_response(request, "bad", f"The test failed. {attempt.error}")
        return message_response(request, "ok", f"The receiver answered {attempt.status}.")


class RotateSecretPage(WebhookPage):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        """The page with the new secret, which is shown only once."""
        webhook, secret = rotate_secret(self.webhook(), self.actor)
        answer = self._page(webhook, WebhookForm(webhook=webhook), secret=secret)
        answer.headers["Cache-Control"] = "no-store"
        return answer


class SwitchWebhookPage(PageOfWebhook):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        """Switch it on or off."""
        enabled = request.POST.get("enabled") == "yes"
        webhook = change_webhook(self.webhook(), WebhookChange(enabled=enabled), self.actor)
        waiting = "" if enabled else " What waited is cancelled."
        messages.success(request, f"{webhook.name} is {'on' if enabled else 'off'}.{waiting}")
        return redirect("webhook", webhook.pk)


class RemoveWebhookPage(PageOfWebhook):
    """Asks first what is kept and what is removed."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "webhooks/remove.html"

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        return self.render({"status": status_of(self.webhook())})

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        webhook = self.webhook()
        remove_webhook(webhook, self.actor)
        messages.success(request, f"{webhook.name} was removed.")
        return redirect("webhooks")


class DeliveryPage(PageOfWebhook):
    """One delivery with its body and its attempts."""

    roles = {"GET": "manager"}
    template = "webhooks/delivery.html"

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        return self.render(delivery_context(self.delivery()))


class DeliveryNow(DeliveryPage):
    """The parts of the page that change by themselves."""

    template = "webhooks/_delivery_now.html"


def delivery_context(delivery: WebhookDelivery) -> dict[str, Any]:
    return {
        "delivery": delivery,
        "webhook": delivery.webhook,
        "attempts": list(delivery.attempts.all()),
        "body": bytes(delivery.body).decode(errors="replace"),
        "is_test": delivery.kind == TEST_KIND,
    }


class ReplayPage(PageOfWebhook):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        """Send the delivery again."""
        try:
            replay_delivery(self.delivery(), self.actor)
        except WebhookDisabled as error:
            return message_response(request, "warn", str(error))
        return message_response(request, "ok", "It is sent again.")
