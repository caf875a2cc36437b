"""The pages of web-hooks: the list with its form, one web-hook with its deliveries, and one delivery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, path

from core import database_clock
from core.api.paging import beyond, cursor_of
from core.api.queries import Cursor
from core.limits.refusals import TooManyWaiting
from core.pages import Page, message_response
from core.resources.forms import ModelForm
from core.resources.pages import FormPage, PressPage, ResourcePage, SwitchPage, page_of
from monitoring.models import DeliveryState, Webhook, WebhookDelivery
from monitoring.webhooks.kinds import ALL, FAMILIES, TEST_KIND
from monitoring.webhooks.resource import EXAMPLE, WEBHOOKS, WebhookChange, WebhookRequest
from monitoring.webhooks.selectors import deliveries_of, delivery_for, webhooks_for, with_status
from monitoring.webhooks.services import WebhookBusy, WebhookDisabled, replay_delivery, rotate_secret, send_test

FAMILY_CHOICES = [(ALL, "all"), *((f"{family}.*", family) for family in FAMILIES)]


class WebhookForm(ModelForm):
    """A new web-hook, or the changes of one. The stored address has secrets, so it is never shown in the field."""

    ids = "webhook-%s"

    def __init__(self, data: Any = None, webhook: Webhook | None = None) -> None:
        super().__init__(
            WebhookChange if webhook else WebhookRequest, data, row=webhook, names=("name", "url", "kinds")
        )
        families = {value for value, _ in FAMILY_CHOICES}
        stored = webhook.kinds if webhook else []
        self.fields["families"] = forms.MultipleChoiceField(
            label="Events", required=False, choices=FAMILY_CHOICES, widget=forms.CheckboxSelectMultiple,
            initial=[kind for kind in stored if kind in families],
        )  # fmt: skip
        url, kinds = self.fields["url"], self.fields["kinds"]
        # People compare an address while they write it.
        url.widget = forms.TextInput({**url.widget.attrs, "placeholder": "" if webhook else EXAMPLE})
        url.help_text = f"Now {webhook.url_shown}. Leave it empty to keep the address." if webhook else ""
        kinds.label, kinds.help_text = "Single kinds", "Names of kinds, in addition to what is ticked."
        kinds.initial = " ".join(kind for kind in stored if kind not in families)

    def given(self, values: Mapping[str, Any]) -> dict[str, Any]:
        # A program that leaves a field out keeps it; a person who has emptied it may not.
        kinds = [*values["families"], *(values["kinds"] or [])]
        return {**super().given({"url": values["url"]}), "name": values["name"] or "", "kinds": kinds}


ROWS = 50
STATES = {state.value: state.value for state in DeliveryState}


class WebhookFormPage(FormPage):
    """The form of a new web-hook, or of the one in the URL."""

    def form(self, row: Webhook | None, data: Any = None) -> WebhookForm:
        return WebhookForm(data, row)

    def render_once(self, webhook: Webhook, form: WebhookForm) -> HttpResponse:
        """The page with a secret that was just made."""
        answer = self.render({**self.context(), "form": form, "made": webhook})
        answer.headers["Cache-Control"] = "no-store"
        return answer


class WebhooksPage(WebhookFormPage):
    """The list with the form of a new one."""

    template = "webhooks/webhooks.html"

    def succeed(self, row: Webhook, _said: str = "") -> HttpResponse:
        return self.render_once(row, self.form(None))

    def context(self) -> dict[str, Any]:
        return list_context(self.request.user)


class WebhooksNow(Page):
    """The list, which changes by itself."""

    roles = {"GET": "manager"}
    template = "webhooks/_webhooks_now.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(list_context(request.user))


def list_context(user: Any) -> dict[str, Any]:
    return {"webhooks": with_status(webhooks_for(user), user)}


class WebhookPage(WebhookFormPage):
    """One web-hook with its deliveries, newest first. The filter is in the URL, also for the partial that refreshes."""

    template = "webhooks/webhook.html"

    def follow(self, row: Webhook) -> HttpResponse:
        return redirect("webhook", row.pk)

    def context(self) -> dict[str, Any]:
        return webhook_context(self.request, self.row())


class WebhookNow(WebhookPage):
    """The parts of the page that change by themselves."""

    template = "webhooks/_webhook_now.html"


def webhook_context(request: HttpRequest, webhook: Webhook) -> dict[str, Any]:
    chosen, before = request.GET.get("state", ""), request.GET.get("before", "")
    found = deliveries_of(webhook).filter(**{"state": chosen} if chosen in STATES else {})
    # One row more than a page shows whether there are older ones.
    rows = list(beyond(found, "created_at", cursor_of(before))[: ROWS + 1])
    older = Cursor(rows[ROWS - 1].created_at, rows[ROWS - 1].pk, newer=False).text() if len(rows) > ROWS else ""
    (shown,) = with_status([webhook], request.user)
    return {
        "webhook": shown,
        "deliveries": rows[:ROWS],
        "rotating": webhook.old_secret_until is not None and webhook.old_secret_until > database_clock.estimate(),
        "chosen": chosen,
        "states": STATES,
        "query": urlencode({name: value for name, value in {"state": chosen, "before": before}.items() if value}),
        "older": urlencode({"state": chosen, "before": older}) if older else "",
    }


class TestWebhookPage(ResourcePage):
    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        """Send a test and answer with its outcome."""
        try:
            delivery = send_test(self.row(), self.actor)
        except (WebhookBusy, TooManyWaiting) as error:
            return message_response(request, "warn", str(error))
        attempt = delivery.attempts.all()[0]
        if delivery.state != DeliveryState.DELIVERED:
            return message_response(request, "bad", f"The test failed. {attempt.error}")
        return message_response(request, "ok", f"The receiver answered {attempt.status}.")


class RotateSecretPage(WebhookPage):
    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        """The page with the new secret, which is shown only once."""
        webhook = rotate_secret(self.row(), self.actor)
        return self.render_once(webhook, self.form(webhook))


class SwitchWebhookPage(SwitchPage):
    effect = "What waited is cancelled."

    def follow(self, row: Webhook) -> HttpResponse:
        return redirect("webhook", row.pk)


class RemoveWebhookPage(PressPage):
    """Asks first what is kept and what is removed."""

    template = "webhooks/remove.html"

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        (webhook,) = with_status([self.row()], request.user)
        return self.render({"webhook": webhook})


class DeliveryPage(ResourcePage):
    """One delivery with its body and its attempts."""

    roles = {"GET": "manager"}
    template = "webhooks/delivery.html"

    def delivery(self) -> WebhookDelivery:
        """ObjectDoesNotExist."""
        return delivery_for(self.request.user, **self.kwargs)

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
        "body": delivery.text,
        "is_test": delivery.kind == TEST_KIND,
    }


class ReplayPage(DeliveryPage):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        """Send the delivery again."""
        try:
            replay_delivery(self.delivery(), self.actor)
        except WebhookDisabled as error:
            return message_response(request, "warn", str(error))
        return message_response(request, "ok", "It is sent again.")


def webhook_page(kind: type[ResourcePage], name: str, **attributes: Any) -> Any:
    return page_of(kind, WEBHOOKS, name, "webhooks", **attributes)


ONLY_GET, ONLY_POST = {"GET": "manager"}, {"POST": "manager"}
urlpatterns: list[URLPattern | URLResolver] = [
    path("", webhook_page(WebhooksPage, "add"), name="webhooks"),
    path("now/", WebhooksNow.as_view(), name="webhooks-now"),
    path("<uuid:webhook>/", webhook_page(WebhookPage, "change"), name="webhook"),
    path("<uuid:webhook>/now/", webhook_page(WebhookNow, "change", roles=ONLY_GET), name="webhook-now"),
    path("<uuid:webhook>/test/", webhook_page(TestWebhookPage, "test"), name="test-webhook"),
    path(
        "<uuid:webhook>/rotate/",
        webhook_page(RotateSecretPage, "rotate-secret", roles=ONLY_POST),
        name="rotate-webhook",
    ),
    path("<uuid:webhook>/switch/", webhook_page(SwitchWebhookPage, "change"), name="switch-webhook"),
    path("<uuid:webhook>/remove/", webhook_page(RemoveWebhookPage, "remove"), name="remove-webhook"),
    path("<uuid:webhook>/deliveries/<uuid:delivery>/", DeliveryPage.as_view(), name="delivery"),
    path("<uuid:webhook>/deliveries/<uuid:delivery>/now/", DeliveryNow.as_view(), name="delivery-now"),
    path("<uuid:webhook>/deliveries/<uuid:delivery>/replay/", ReplayPage.as_view(), name="replay-delivery"),
]
