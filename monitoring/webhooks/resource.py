"""Web-hooks as a resource, and their deliveries as answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field

from core.resources.fields import Fields, field
from core.resources.resource import Operation, Resource
from core.resources.values import Column, Id, Option, Text
from core.times.timestamps import Stamp
from monitoring.webhooks.kinds import check_patterns
from monitoring.webhooks.receiver_url import MAX_LENGTH, ReceiverUrl


def checked_url(text: str) -> str:
    """InvalidUrl."""
    return ReceiverUrl.parse(text).text


EXAMPLE = "https://lab.example.org/hooks/skycam"
Name = Annotated[Text, Field(min_length=1, max_length=60)]
Url = Annotated[Text, AfterValidator(checked_url), Field(max_length=MAX_LENGTH)]
Kinds = Annotated[
    list[Annotated[str, Field(max_length=60)]],
    AfterValidator(check_patterns),
    Field(max_length=200),
    Option("--kind"),
]
NAME = "The program that gets the events; unique."
URL = "The address that the events are sent to."
KINDS = "A kind such as alert.opened or session.*; * is all."


class WebhookRequest(Fields):
    """A new web-hook."""

    model_config = ConfigDict(strict=True)
    name: Name = field(title="Name", help=NAME, allowed="a name of at most 60 characters")
    url: Url = field(title="Address", help=URL, example=EXAMPLE, allowed=f"an address such as {EXAMPLE}", secret=True)
    kinds: Kinds = field(title="Events", help=KINDS, example="alert.opened session.gap")
    enabled: bool = field(True, title="On", help="Whether it gets events.")


class WebhookChange(Fields):
    """Only the fields that are given change."""

    model_config = ConfigDict(strict=True)
    name: Name | None = field(None, title="Name", help="Its new name.", allowed="a name of at most 60 characters")
    url: Url | None = field(None, title="Address", help=URL, allowed=f"an address such as {EXAMPLE}", secret=True)
    kinds: Kinds | None = field(None, title="Events", help=KINDS, example="alert.opened session.gap")
    enabled: bool | None = field(None, title="On", help="What waits is cancelled.")


class AttemptBody(Fields):
    at: Stamp
    duration_s: float | None
    status: int | None
    answer: str
    error: str


class DeliveryBody(Fields):
    """`next`: when the next attempt is due, while it waits."""

    id: Annotated[Id, Column("pk")]
    webhook: Annotated[Id, Column("webhook_id")]
    event: Id
    kind: str
    state: str
    tries: int
    sending: bool
    next: Annotated[Stamp | None, Column("next_at")]
    error: str
    replayed_by: str
    created: Annotated[Stamp, Column("created_at")]
    ended: Annotated[Stamp | None, Column("ended_at")]


class DeliveryDetailBody(DeliveryBody):
    body: Annotated[str, Column("text")]
    attempts: list[AttemptBody]


class WebhookBody(Fields):
    """`last`: its newest delivery."""

    id: Annotated[Id, Column("pk")]
    name: str
    url: Annotated[str, Column("url_shown")]
    kinds: list[str]
    enabled: bool
    disabled_reason: str
    warning: str
    failing_since: Stamp | None
    old_secret_until: Stamp | None
    pending: int
    last: DeliveryBody | None
    created_by: str
    created: Annotated[Stamp, Column("created_at")]


class NewWebhookBody(WebhookBody):
    secret: str = field(secret=True)


class SecretBody(Fields):
    secret: str = field(secret=True)
    old_secret_until: Stamp


WEBHOOKS = Resource(
    name="webhooks",
    noun="web-hook",
    path="webhooks/",
    package="monitoring.webhooks",
    rows="selectors.webhooks_for",
    row="selectors.webhook_for",
    prepare="selectors.with_status",
    answer=WebhookBody,
    operations=(
        Operation("list", "manager", "List the web-hooks with the state of their last delivery."),
        Operation(
            "add", "manager", "Add a web-hook. Its secret, with which requests are signed, is shown only now.",
            "services.add_webhook", WebhookRequest,
            "Added the web-hook {name}, {url}. It gets the events of all cameras.\n"
            "Secret: {secret}  (shown only now).",
            keyless="Its answer has a secret, which is shown only once.", arguments=("name", "url"),
            example="webhooks add lab https://lab.example.org/hook --kind 'session.*'", answer=NewWebhookBody,
        ),
        Operation("show", "manager", "Show the web-hook.", command=None),
        Operation(
            "change", "manager", "Change the fields that are given. Switching it off cancels what waits.",
            "services.change_webhook", WebhookChange, "{name} was changed.",
            example="webhooks change lab --kind 'session.*' --kind alert.opened",
        ),
        Operation(
            "rotate-secret", "manager",
            "Make a new secret, which is shown only now. Requests are signed with the old one, too, for a day.",
            "services.rotate_secret",
            said="Secret: {secret}  (shown only now).\n"
            "Requests are signed with the old one, too, until {old_secret_until}.",
            keyless="Its answer has a secret, which is shown only once.", command="rotate", answer=SecretBody,
        ),
        Operation(
            "test", "manager", "Send the event `webhook.test` to this web-hook alone, and answer with the attempt.",
            "services.send_test", command=None, answer=DeliveryDetailBody, keyless="A repetition tests again.",
        ),
        Operation(
            "remove", "manager", "Remove the web-hook. What waits is cancelled.", "services.remove_webhook",
            said="{name} was removed.",
        ),
    ),
    commands="webhooks",
    columns=(
        "name", ("address", "url"), "kinds", ("on", "enabled"), ("waiting", "pending"), ("last delivery", "last.state"),
        ("failing since", "failing_since"),
    ),
    empty="No web-hooks.",
)  # fmt: skip
