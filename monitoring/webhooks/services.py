"""What a manager does with web-hooks. Each change is one transaction with its event; a refused one changes nothing."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import uuid6
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from core import database_clock
from core.deliveries.rows import worker_name
from core.events.service import record_event, resolve_alert
from core.limits.refusals import WaitLimiter
from core.outgoing import AddressRefused, literal_address
from core.secrets import encrypt_secrets
from monitoring.models import DeliveryState, Webhook, WebhookDelivery
from monitoring.webhooks.client import DEADLINE_S, WebhookClient, new_secret
from monitoring.webhooks.deliveries import SCHEDULE, Claim, cancel_pending, change_state, claim_new, webhook_waker
from monitoring.webhooks.kinds import TEST_KIND
from monitoring.webhooks.outcomes import attempt_delivery, failing_alert, gone_alert
from monitoring.webhooks.receiver_url import ReceiverUrl
from monitoring.webhooks.resource import WebhookChange, WebhookRequest

MAX_WEBHOOKS = 100
OLD_SECRET_LIFE = timedelta(days=1)
TEST_WAIT_S = DEADLINE_S + 1.0
"""How long a test waits for the delivery that the web-hook sends at the moment."""
POLL_S = 0.2
tests = WaitLimiter("tests of web-hooks", most=4, most_per_user=2)


class WebhookDisabled(Exception):
    """The message says what to do."""


class WebhookBusy(Exception):
    """The web-hook sends another delivery."""


def add_webhook(wanted: WebhookRequest, actor: str, new_id: UUID | None = None) -> Webhook:
    """The new web-hook with its `secret`, which is shown only now. ValidationError."""
    check_url(wanted.url)
    if Webhook.objects.filter(removed_at=None).count() >= MAX_WEBHOOKS:
        raise ValidationError({"name": f"A station has at most {MAX_WEBHOOKS} web-hooks. Remove one first."})
    webhook = Webhook(
        pk=new_id or uuid6.uuid7(), name=wanted.name, kinds=wanted.kinds, enabled=wanted.enabled, created_by=actor
    )
    _store_new_secret(webhook)
    _store_url(webhook, wanted.url)
    try:
        with transaction.atomic():
            webhook.save(force_insert=True)
            _record("webhook.added", webhook, f"{actor} added the web-hook {webhook.name}.", actor, _public(webhook))
    except IntegrityError:
        raise _name_taken(wanted.name) from None
    return webhook


def change_webhook(webhook: Webhook, wanted: WebhookChange, actor: str) -> Webhook:
    """Switching it off cancels what waits. ValidationError."""
    given = wanted.model_dump(exclude_none=True, exclude={"url"})
    if wanted.url is not None:
        check_url(wanted.url)
    try:
        with transaction.atomic():
            found = Webhook.objects.select_for_update().get(pk=webhook.pk, removed_at=None)
            before = _public(found)
            for name, value in given.items():
                setattr(found, name, value)
            if wanted.url is not None:
                _store_url(found, wanted.url)
            if wanted.enabled is not None:
                _switch(found)
            found.save(update_fields=[*given, "url_encrypted", "url_shown", "disabled_reason", "failing_since"])
            changed = {name: value for name, value in _public(found).items() if value != before[name]}
            if changed or wanted.url is not None:
                _record("webhook.changed", found, f"{actor} changed the web-hook {found.name}.", actor, changed)
    except IntegrityError:
        raise _name_taken(str(wanted.name)) from None
    if wanted.enabled is False:
        cancel_pending(found, f"{actor} switched the web-hook off.")
    return found


def _switch(webhook: Webhook) -> None:
    """What follows from `enabled`, which a person has set."""
    webhook.disabled_reason = ""
    resolve_alert(gone_alert(webhook))
    if not webhook.enabled:
        webhook.failing_since = None
        resolve_alert(failing_alert(webhook))


def remove_webhook(webhook: Webhook, actor: str) -> None:
    """Cancel what waits and delete the secrets. The retention removes its deliveries."""
    if _mark_removed(webhook, actor):
        cancel_pending(webhook, f"{actor} removed the web-hook.")


@transaction.atomic
def _mark_removed(webhook: Webhook, actor: str) -> bool:
    """False for one that was removed already."""
    removed = Webhook.objects.filter(pk=webhook.pk, removed_at=None).update(
        removed_at=timezone.now(), enabled=False, failing_since=None, url_encrypted="", url_shown="",
        secret_encrypted="", old_secret_encrypted="", old_secret_until=None,
    )  # fmt: skip
    if removed:
        resolve_alert(failing_alert(webhook))
        resolve_alert(gone_alert(webhook))
        _record("webhook.removed", webhook, f"{actor} removed the web-hook {webhook.name}.", actor)
    return bool(removed)


@transaction.atomic
def rotate_secret(webhook: Webhook, actor: str) -> Webhook:
    """The web-hook with its new `secret`, which is shown only now. Requests are signed with both for a day; a second
    rotation within this time ends the oldest."""
    found = Webhook.objects.select_for_update().get(pk=webhook.pk, removed_at=None)
    found.old_secret_encrypted, found.old_secret_until = (
        found.secret_encrypted,
        database_clock.estimate() + OLD_SECRET_LIFE,
    )
    _store_new_secret(found)
    found.save(update_fields=["secret_encrypted", "old_secret_encrypted", "old_secret_until"])
    _record("webhook.rotated", found, f"{actor} rotated the secret of the web-hook {found.name}.", actor)
    return found


@transaction.atomic
def replay_delivery(delivery: WebhookDelivery, actor: str) -> WebhookDelivery:
    """Send it again now, and then as a new one. WebhookDisabled."""
    webhook = Webhook.objects.select_for_update().get(pk=delivery.webhook_id)
    if not webhook.enabled:
        raise WebhookDisabled(f"The web-hook {webhook.name} is switched off. Switch it on, then replay the delivery.")
    rows = WebhookDelivery.objects.filter(pk=delivery.pk)
    fresh: dict[str, Any] = {"replayed_by": actor, "hastened": False}
    ended = [state for state in DeliveryState if state != DeliveryState.PENDING]
    if not any(change_state(rows, state, DeliveryState.PENDING, **SCHEDULE.again(), **fresh) for state in ended):
        # It waits already: its next attempt comes now.
        rows.filter(state=DeliveryState.PENDING, lease_until=None).update(**SCHEDULE.at_once(), **fresh)
    _record(
        "webhook.replayed", webhook, f"{actor} replayed a delivery of the web-hook {webhook.name}.", actor,
        {"delivery": str(delivery.pk), "event": str(delivery.event)},
    )  # fmt: skip
    transaction.on_commit(webhook_waker().wake, robust=True)
    return WebhookDelivery.objects.get(pk=delivery.pk)


def send_test(webhook: Webhook, actor: str, client: WebhookClient | None = None) -> WebhookDelivery:
    """Send the event `webhook.test` to this web-hook alone, also while it is switched off, and return its delivery
    with the attempt. Takes up to 21 s. WebhookBusy, TooManyWaiting."""
    with tests.slot(actor):
        claim = _wait_for_claim(webhook, actor)
        attempt_delivery(claim, client or WebhookClient(settings.STATION.outgoing))
        return WebhookDelivery.objects.get(pk=claim.delivery.pk)


def _wait_for_claim(webhook: Webhook, actor: str) -> Claim:
    until = time.monotonic() + TEST_WAIT_S
    worker = worker_name("test")
    while (claim := _claim_test(webhook, actor, worker)) is None:
        if time.monotonic() >= until:
            raise WebhookBusy(f"The web-hook {webhook.name} sends another delivery. Try again in a minute.")
        time.sleep(POLL_S)
    return claim


def _claim_test(webhook: Webhook, actor: str, worker: str) -> Claim | None:
    """None while the web-hook sends another delivery; then no event is written."""
    with transaction.atomic():
        event = _record(TEST_KIND, webhook, f"{actor} tests the web-hook {webhook.name}.", actor)
        claim = claim_new(webhook, event, worker)
        if claim is None:
            transaction.set_rollback(True)
        return claim


def check_url(text: str) -> None:
    """Refuse an IP address that the guard refuses at once. A name may lead elsewhere at each delivery, so it is only
    checked then. ValidationError."""
    url = ReceiverUrl.parse(text)
    try:
        address = literal_address(url.host)
        if address is not None:
            settings.STATION.outgoing.check(address, url.port)
    except AddressRefused as error:
        raise ValidationError({"url": f"The address {error}"}) from None


def _store_new_secret(webhook: Webhook) -> None:
    webhook.secret = new_secret()
    webhook.secret_encrypted = encrypt_secrets(webhook, "secret_encrypted", {"key": webhook.secret})


def _store_url(webhook: Webhook, text: str) -> None:
    webhook.url_encrypted = encrypt_secrets(webhook, "url_encrypted", {"url": text})
    webhook.url_shown = ReceiverUrl.parse(text).shown


def _public(webhook: Webhook) -> dict[str, Any]:
    return {"name": webhook.name, "url": webhook.url_shown, "kinds": webhook.kinds, "enabled": webhook.enabled}


def _name_taken(name: str) -> ValidationError:
    return ValidationError({"name": f"There is a web-hook {name} already. Choose another name."})


def _record(kind: str, webhook: Webhook, message: str, actor: str, data: dict[str, Any] | None = None) -> Any:
    return record_event(kind, message, camera=None, subject=webhook.pk, actor=actor, data=data)
