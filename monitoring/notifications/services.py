"""What a manager does with channels and routes. Each change is one transaction with its event; a refused one changes
nothing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pydantic
import uuid6
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q

from core import database_clock
from core.api.model import describe_error
from core.events.service import record_event, resolve_alert
from core.limits.refusals import WaitLimiter
from core.outgoing import AddressRefused, literal_address
from core.resources.kind_rows import only_from_file
from core.secrets import DecryptionFailed, SecretsNeeded, kept_secrets
from core.slices import delete_in_slices
from monitoring.models import NotificationChannel, NotificationDelivery, NotificationRoute
from monitoring.notification_states import NotificationKind, NotificationState
from monitoring.notifications.channels.base import CHANNEL_KINDS, ChannelSettings, channel_class
from monitoring.notifications.outcomes import failing_alert, record_test
from monitoring.notifications.queue import cancel_pending
from monitoring.notifications.resource import ChannelRequest, NotificationChannelChange, RouteRequest
from monitoring.notifications.sending import notification_of, send, settings_columns, settings_of
from monitoring.webhooks.receiver_url import ReceiverUrl

MAX_CHANNELS = 30
"""Each may have a thread of its own while it sends."""
MAX_ROUTES = 100
TEST_TEXT = "This is a test. Alerts of this station reach you over this channel."
tests = WaitLimiter("tests of notification channels", most=4, most_per_user=2)


def add_channel(
    wanted: ChannelRequest, actor: str, new_id: UUID | None = None, *, from_file: bool = False
) -> NotificationChannel:
    """The channel that has `new_id` already is returned unchanged. `from_file` allows settings that the configuration
    file alone may have. ValidationError."""
    if new_id is not None and (present := NotificationChannel.objects.filter(pk=new_id).first()):
        return present
    if wanted.kind not in CHANNEL_KINDS:
        raise ValidationError({"kind": f"Choose one of {', '.join(CHANNEL_KINDS)}."})
    if not from_file and (names := channel_class(wanted.kind).settings_model.file_only_fields()):
        raise only_from_file(names[0])
    found = checked_settings(wanted.kind, wanted.settings)
    if NotificationChannel.objects.count() >= MAX_CHANNELS:
        raise ValidationError({"name": f"A station has at most {MAX_CHANNELS} channels. Remove one first."})
    channel = NotificationChannel(
        pk=new_id or uuid6.uuid7(), name=wanted.name, kind=wanted.kind, enabled=wanted.enabled, created_by=actor
    )
    for name, value in settings_columns(channel, found).items():
        setattr(channel, name, value)
    try:
        with transaction.atomic():
            channel.save(force_insert=True)
            _record("notification.added", f"{actor} added the notification channel {channel.name}.", channel.pk, actor)
    except IntegrityError:
        raise _name_taken("channel", wanted.name) from None
    return channel


def change_channel(
    channel: NotificationChannel, wanted: NotificationChannelChange, actor: str, *, from_file: bool = False
) -> NotificationChannel:
    """Switching it off cancels what waits. With `from_file` the settings replace all others, as an item of the
    configuration file does. ValidationError."""
    try:
        with transaction.atomic():
            found = NotificationChannel.objects.select_for_update().get(pk=channel.pk)
            columns: dict[str, Any] = {}
            if wanted.settings is not None:
                settings_after = replaced_settings if from_file else merged_settings
                columns = settings_columns(found, settings_after(found, wanted.settings))
            if wanted.name is not None:
                columns["name"] = wanted.name
            if wanted.enabled is not None:
                columns["enabled"] = wanted.enabled
            NotificationChannel.objects.filter(pk=found.pk).update(**columns)
            if wanted.enabled is False:
                _switch_off(found, actor)
            shown = [name for name in ("name", "settings", "enabled") if getattr(wanted, name) is not None]
            what = f"{', '.join(shown)} of the notification channel {found.name}"
            _record("notification.changed", f"{actor} changed {what}.", found.pk, actor)
    except IntegrityError:
        raise _name_taken("channel", str(wanted.name)) from None
    return NotificationChannel.objects.get(pk=channel.pk)


def _switch_off(channel: NotificationChannel, actor: str) -> None:
    NotificationChannel.objects.filter(pk=channel.pk).update(failing_since=None, last_error="")
    cancel_pending(channel, f"{actor} switched the channel off.")
    resolve_alert(failing_alert(channel))


def remove_channel(channel: NotificationChannel, actor: str) -> str:
    """With its routes, its notifications and its secrets. Returns what was done, with the routes that escalated to it:
    they do not escalate any more."""
    # Before the rest: it may have tens of thousands. What is still to be sent goes with the channel.
    sent = NotificationDelivery.objects.filter(channel=channel.pk)
    delete_in_slices(sent.exclude(state=NotificationState.PENDING))
    return _remove_channel(channel, actor)


@transaction.atomic
def _remove_channel(channel: NotificationChannel, actor: str) -> str:
    found = NotificationChannel.objects.select_for_update().filter(pk=channel.pk).first()
    if found is None:
        return f"{channel.name} was removed already."
    resolve_alert(failing_alert(found))
    escalating = NotificationRoute.objects.filter(escalate_to=found).exclude(channel=found)
    names = ", ".join(escalating.order_by("name").values_list("name", flat=True))
    escalating.update(escalate_to=None, escalate_after_s=0)
    found.delete()
    effect = f" Without escalation now: {names}." if names else ""
    message = f"{actor} removed the notification channel {channel.name}.{effect}"
    _record("notification.removed", message, channel.pk, actor)
    return f"{channel.name} was removed.{effect}"


def checked_settings(kind: str, values: dict[str, Any]) -> ChannelSettings:
    """ValidationError, with the errors of each setting."""
    try:
        found = channel_class(kind).settings_model.model_validate(values)
    except pydantic.ValidationError as error:
        # One sentence a setting, without the refused value, which may be a secret.
        raise ValidationError({"settings": [_sentence(item) for item in error.errors()]}) from None
    check_address(found)
    return found


def _sentence(item: Any) -> str:
    where = ".".join(str(part) for part in item["loc"])
    return f"{where}: {describe_error(item)}" if where else describe_error(item)


def merged_settings(channel: NotificationChannel, given: dict[str, Any]) -> ChannelSettings:
    """The stored settings with those that are given. ValidationError."""
    check_file_only(channel, given)
    stored = readable_settings(channel)
    values = stored.model_dump(mode="json") if stored else {}
    return _kept_secrets_checked(stored, checked_settings(channel.kind, {**values, **given}), given)


def replaced_settings(channel: NotificationChannel, given: dict[str, Any]) -> ChannelSettings:
    """The settings that are given, with the stored secrets that are not. ValidationError."""
    stored = readable_settings(channel)
    secrets = {name: getattr(stored, name) for name in stored.secret_fields()} if stored else {}
    return _kept_secrets_checked(stored, checked_settings(channel.kind, {**secrets, **given}), given)


def readable_settings(channel: NotificationChannel) -> ChannelSettings | None:
    try:
        return settings_of(channel)
    except (DecryptionFailed, pydantic.ValidationError):
        return None


def _kept_secrets_checked(
    stored: ChannelSettings | None, found: ChannelSettings, given: dict[str, Any]
) -> ChannelSettings:
    """ValidationError if another destination would get a stored secret."""
    if stored is None:
        return found
    moved = [name for name in found.destination if getattr(stored, name) != getattr(found, name)]
    secrets = {name: getattr(stored, name) for name in found.secret_fields() if name not in found.destination}
    try:
        kept_secrets(secrets, given, " and ".join(moved))
    except SecretsNeeded as error:
        raise ValidationError({"settings": str(error)}) from None
    return found


def check_file_only(channel: NotificationChannel, given: dict[str, Any]) -> None:
    """ValidationError for another program than the stored one, which is shown."""
    for name in channel_class(channel.kind).settings_model.file_only_fields():
        if name in given and given[name] != channel.settings_shown.get(name):
            raise only_from_file(name)


def check_address(found: ChannelSettings) -> None:
    """Refuse an IP address that the guard refuses at once. A name may lead elsewhere at each message, so it is only
    checked then. ValidationError."""
    url = next((getattr(found, name) for name in ("url", "server") if hasattr(found, name)), "")
    host, port = (getattr(found, "host", ""), getattr(found, "port", 0))
    if url:
        parsed = ReceiverUrl.parse(url)
        host, port = parsed.host, parsed.port
    if not host:
        # A program connects to nothing that Skycam knows of.
        return
    try:
        address = literal_address(host)
        if address is not None:
            settings.STATION.outgoing.check(address, port)
    except AddressRefused as error:
        raise ValidationError({"settings": f"The address {error}"}) from None


def send_test(channel: NotificationChannel, actor: str) -> NotificationDelivery:
    """Send a real message now, also over a channel that is off, and return it with its outcome. Takes up to 20 s.
    TooManyWaiting."""
    with tests.slot(actor):
        delivery = NotificationDelivery.objects.create(
            channel=channel,
            kind=NotificationKind.TEST,
            text=f"{TEST_TEXT} {actor} has sent it.",
            tries=1,
            created_at=database_clock.estimate(),
        )
        record_test(delivery, send(channel, notification_of(channel, [delivery])))
        return NotificationDelivery.objects.select_related("channel").get(pk=delivery.pk)


def add_route(wanted: RouteRequest, actor: str, new_id: UUID | None = None) -> NotificationRoute:
    """The route that has `new_id` already is returned unchanged. ValidationError."""
    if new_id is not None and (present := NotificationRoute.objects.filter(pk=new_id).first()):
        return present
    if NotificationRoute.objects.count() >= MAX_ROUTES:
        raise ValidationError({"name": f"A station has at most {MAX_ROUTES} routes. Remove one first."})
    route = NotificationRoute(pk=new_id or uuid6.uuid7(), **_route_columns(wanted))
    try:
        with transaction.atomic():
            route.save(force_insert=True)
            _record("notification.added", f"{actor} added the notification route {route.name}.", route.pk, actor)
    except IntegrityError:
        raise _name_taken("route", wanted.name) from None
    return route


def change_route(route: NotificationRoute, wanted: RouteRequest, actor: str) -> NotificationRoute:
    """What waits already stays as it is planned. ValidationError."""
    try:
        with transaction.atomic():
            NotificationRoute.objects.filter(pk=route.pk).update(**_route_columns(wanted))
            _record("notification.changed", f"{actor} changed the notification route {wanted.name}.", route.pk, actor)
    except IntegrityError:
        raise _name_taken("route", wanted.name) from None
    return NotificationRoute.objects.get(pk=route.pk)


@transaction.atomic
def remove_route(route: NotificationRoute, actor: str) -> None:
    """What waits because of it is still sent."""
    if NotificationRoute.objects.filter(pk=route.pk).delete()[0]:
        _record("notification.removed", f"{actor} removed the notification route {route.name}.", route.pk, actor)


def _route_columns(wanted: RouteRequest) -> dict[str, Any]:
    columns = wanted.model_dump(mode="json", exclude={"channel", "escalate_to"})
    ids = {wanted.channel, wanted.escalate_to} - {None}
    known = set(NotificationChannel.objects.filter(Q(pk__in=ids)).values_list("pk", flat=True))
    for name in ("channel", "escalate_to"):
        value: UUID | None = getattr(wanted, name)
        if value is not None and value not in known:
            raise ValidationError({name: "There is no such channel."})
        columns[f"{name}_id"] = value
    if wanted.channel == wanted.escalate_to:
        raise ValidationError({"escalate_to": "Escalate to another channel: this one was notified already."})
    return columns


def _name_taken(what: str, name: str) -> ValidationError:
    return ValidationError({"name": f"There is a {what} {name} already. Choose another name."})


def _record(kind: str, message: str, subject: object, actor: str) -> None:
    record_event(kind, message, camera=None, subject=subject, actor=actor)
