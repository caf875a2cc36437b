"""What a manager does with sensors, and the hosts that they may belong to. Each change is one transaction with its
event; a refused one changes nothing. The settings of a sensor are checked by its kind, with the secrets in a column
of their own. What a removal deletes, the retention deletes in small batches."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import UUID

import uuid6
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F, Manager
from django.utils import timezone

from cameras.discovery import service as discovery
from core.events.service import record_event
from core.resources.fields import REDACTED
from core.resources.kind_rows import only_from_file
from core.secrets import DecryptionFailed, kept_secrets
from core.text.sentences import did_you_mean, pluralize
from monitoring.models import DueAggregate, Reading, ReadingAggregate, Sensor, SensorChannel
from monitoring.sensor_management.resource import ChannelChange, SensorChange, SensorRequest
from monitoring.sensors.driver import SENSORS, driver_class
from monitoring.sensors.settings import SettingsRefused, checked_settings, completed_settings, settings_model


def check_kind(kind: str) -> None:
    """ValidationError for a kind that does not exist."""
    if kind not in SENSORS:
        meant = did_you_mean(kind, SENSORS)
        raise ValidationError(
            {"kind": f"There is no kind {kind[:40]!r}.{meant} Known are {', '.join(sorted(SENSORS))}."}
        )


def program_setting(kind: str) -> str:
    """The setting that names a program to run, which the configuration file alone may set and the kind needs; empty
    without one."""
    model = settings_model(kind)
    return next((name for name in model.file_only_fields() if model.model_fields[name].is_required()), "")


def readable_settings(sensor: Sensor) -> dict[str, Any]:
    """Complete, with the secrets unless they cannot be decrypted."""
    secrets: dict[str, Any] = {}
    with suppress(DecryptionFailed):
        secrets = sensor.stored_secrets()
    return completed_settings(sensor.kind, {**sensor.settings, **secrets})


def check_settings(
    kind: str, given: Mapping[str, Any], stored: Sensor | None = None, *, from_file: bool = False
) -> dict[str, Any]:
    """The complete settings, with secrets. What is not given stays as it is in `stored`; None is the default.

    ValidationError with a sentence: a wrong value, a setting that the file alone may have (unless `from_file`), or a
    stored secret that cannot be read, or would go to another place.
    """
    # Before the settings are checked: a missing program would be asked for, and then refused.
    if not from_file and stored is None and (name := program_setting(kind)):
        raise only_from_file(name)
    secrets = set(settings_model(kind).secret_fields())
    given = {name: value for name, value in given.items() if name not in secrets or value != REDACTED}
    before = dict(stored.settings) if stored else {}
    try:
        # Nothing is decrypted for a change that gives all secrets: it works while the key is lost.
        kept = kept_secrets(stored.stored_secrets(), given, "") if stored and secrets - given.keys() else {}
        complete = checked_settings(kind, {**before, **kept, **given})
        if not from_file:
            check_file_only(kind, complete, before)
        kept_secrets(kept, given, moved_setting(complete, before))
    except SettingsRefused as error:
        raise ValidationError({"settings": error.sentences}) from None
    # DecryptionFailed is one, too.
    except ValueError as error:
        raise ValidationError({"settings": str(error)}) from None
    return complete


def check_file_only(kind: str, complete: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    stored = completed_settings(kind, before)
    for name in settings_model(kind).file_only_fields():
        if complete[name] != stored.get(name):
            raise only_from_file(name)


def moved_setting(complete: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """The first setting that leads to another place than before, or nothing."""
    return next((name for name in Sensor.destinations if name in complete and complete[name] != before.get(name)), "")


def host_names() -> list[str]:
    """The hosts with cameras, those with sensors, and this one."""
    return sorted({settings.STATION.host, *discovery.host_names(), *present_hosts()})


def present_hosts() -> set[str]:
    """The hosts of the sensors."""
    return set(Sensor.objects.filter(removed_at=None).order_by().values_list("host", flat=True).distinct())


def check_host(host: str) -> None:
    """ValidationError for a host that the station does not have."""
    names = host_names()
    if host not in names:
        raise ValidationError(
            {
                "host": f"There is no host {host[:60]!r}; known are {', '.join(names)}. "
                "A new host is known once `skycam up` has run there."
            }
        )


MAX_SENSORS = 200
USUAL_INTERVAL_S = 2.0
RESTARTING = frozenset({"host", "enabled", "interval_s", "settings"})
"""Fields whose change restarts the sensor's process."""


def add_sensor(wanted: SensorRequest, actor: str, new_id: UUID | None = None, *, from_file: bool = False) -> Sensor:
    """The sensor that has `new_id` already is returned unchanged. `from_file` allows settings that the configuration
    file alone may have. ValidationError."""
    if new_id is not None and (present := Sensor.objects.filter(pk=new_id).first()):
        return present
    check_kind(wanted.kind)
    host = wanted.host or settings.STATION.host
    check_host(host)
    complete = check_settings(wanted.kind, wanted.settings, from_file=from_file)
    if Sensor.objects.filter(removed_at=None).count() >= MAX_SENSORS:
        raise ValidationError({"name": f"A station has at most {MAX_SENSORS} sensors. Remove one first."})
    sensor = Sensor(
        pk=new_id or uuid6.uuid7(),
        name=wanted.name,
        label=wanted.label,
        kind=wanted.kind,
        host=host,
        enabled=wanted.enabled,
        interval_s=checked_interval(wanted.kind, wanted.interval_s),
    )
    sensor.store_settings(complete)
    try:
        with transaction.atomic():
            sensor.save(force_insert=True)
            message = f"{actor or 'The station'} added the sensor {sensor.name} ({sensor.kind})."
            _record("sensor.added", sensor, message, actor, {"kind": sensor.kind, "host": sensor.host})
    except IntegrityError:
        raise ValidationError({"name": f"There is a sensor {wanted.name} already. Choose another name."}) from None
    return sensor


def checked_interval(kind: str, interval_s: float | None) -> float:
    """ValidationError for one that is shorter than the kind allows; None is the usual one."""
    shortest = driver_class(kind).shortest_interval_s
    if interval_s is None:
        return max(USUAL_INTERVAL_S, shortest)
    if interval_s < shortest:
        raise ValidationError({"interval_s": f"The shortest interval of this kind is {shortest:g} s."})
    return interval_s


@transaction.atomic
def change_sensor(sensor: Sensor, wanted: SensorChange, actor: str, *, from_file: bool = False) -> Sensor:
    """ValidationError; Sensor.DoesNotExist when it was removed meanwhile."""
    found = Sensor.objects.select_for_update().get(pk=sensor.pk, removed_at=None)
    given = {name: value for name, value in wanted.given().items() if value is not None}
    if given.keys() & {"interval_s", "settings"}:
        # One of a kind of another version can still be named, moved and switched off.
        check_kind(found.kind)
    if "host" in given and given["host"] != found.host:
        check_host(given["host"])
    if "interval_s" in given:
        checked_interval(found.kind, given["interval_s"])
    changed = [name for name, value in given.items() if name != "settings" and getattr(found, name) != value]
    if wanted.settings is not None:
        changed += _change_settings(found, wanted.settings, from_file)
    if not changed:
        return found
    for name in set(changed) & given.keys():
        setattr(found, name, given[name])
    if any(name.partition(".")[0] in RESTARTING for name in changed):
        found.revision += 1
    found.save()
    message = f"{actor or 'The station'} changed {', '.join(changed)} of the sensor {found.name}."
    _record("sensor.changed", found, message, actor, {"changed": changed})
    return found


def _change_settings(sensor: Sensor, given: dict[str, Any], from_file: bool) -> list[str]:
    """The names of the settings that change, as `settings.url`. Their values are not recorded: they may be secrets."""
    complete = check_settings(sensor.kind, given, sensor, from_file=from_file)
    before = readable_settings(sensor)
    changed = [f"settings.{name}" for name, value in complete.items() if (before.get(name) or None) != (value or None)]
    if changed:
        sensor.store_settings(complete)
    return changed


@transaction.atomic
def remove_sensor(sensor: Sensor, actor: str) -> str:
    """It ends and is not shown any more; its secrets are deleted at once, its readings by the retention. Returns what
    was done."""
    removed = Sensor.objects.filter(pk=sensor.pk, removed_at=None).update(
        removed_at=timezone.now(), enabled=False, secrets_encrypted="", revision=F("revision") + 1
    )
    if not removed:
        return f"{sensor.display_name} was removed already."
    SensorChannel.objects.filter(sensor=sensor).update(main=False, hidden=True)
    _record("sensor.removed", sensor, f"{actor or 'The station'} removed the sensor {sensor.name}.", actor)
    return f"{sensor.display_name} was removed."


@transaction.atomic
def change_channel(channel: SensorChannel, wanted: ChannelChange, actor: str) -> SensorChannel:
    """ValidationError; SensorChannel.DoesNotExist when it was removed meanwhile."""
    found = SensorChannel.objects.select_for_update().get(pk=channel.pk, sensor__removed_at=None)
    given = wanted.given()
    changed = [name for name, value in given.items() if getattr(found, name) != value]
    for name in changed:
        setattr(found, name, given[name])
    _check_channel(found)
    if not changed:
        return found
    if "main" in changed and found.main:
        # Before the row is saved: the database allows one main channel at each statement.
        SensorChannel.objects.filter(main=True).update(main=False)
    try:
        with transaction.atomic():
            found.save(update_fields=changed)
    except IntegrityError:
        raise ValidationError(
            {"main": "Another channel was made the main one at the same moment. Try again."}
        ) from None
    sensor = found.sensor
    message = (
        f"{actor or 'The station'} changed {', '.join(changed)} of the channel {found.display_name} of the sensor "
        f"{sensor.name}."
    )
    values = {name: given[name] for name in changed}
    _record("sensor.changed", sensor, message, actor, {"channel": found.key, "quantity": found.quantity, **values})
    return found


def _check_channel(channel: SensorChannel) -> None:
    if channel.main and channel.quantity != "temperature":
        raise ValidationError({"main": "Only a temperature can be the temperature of the site."})
    if channel.lowest is not None and channel.highest is not None and channel.lowest >= channel.highest:
        raise ValidationError({"highest": "The upper limit must be above the lower one."})


def _record(kind: str, sensor: Sensor, message: str, actor: str, data: dict[str, Any] | None = None) -> Any:
    return record_event(
        kind, message, camera=None, subject=sensor.name, actor=actor, data={"sensor": sensor.name, **(data or {})}
    )


COUNTED = 1_000_000
"""More rows are not counted: it would take seconds."""
BATCH = 5_000
"""Rows of one transaction. They are small: it takes some hundredths of a second."""


class RemovalCounts(NamedTuple):
    """`readings` and `aggregates` are at most COUNTED."""

    channels: int
    readings: int
    aggregates: int

    @property
    def readings_text(self) -> str:
        return f"more than {COUNTED:,} readings" if self.readings >= COUNTED else pluralize(self.readings, "reading")


def count_removal(sensor: Sensor) -> RemovalCounts:
    """What would be deleted with the sensor."""
    return RemovalCounts(
        sensor.channels.count(),
        Reading.objects.filter(channel__sensor=sensor).order_by()[:COUNTED].count(),
        ReadingAggregate.objects.filter(channel__sensor=sensor).order_by()[:COUNTED].count(),
    )


def remove_readings() -> int:
    """Delete a batch of rows of removed sensors, and at last their channels; RETENTION lists it. The number of rows.

    The sensor's own row stays: it says that the first start has created it already.
    """
    removed = list(Sensor.objects.exclude(removed_at=None).filter(channels__isnull=False).distinct()[:100])
    if not removed:
        return 0
    managers: list[Manager[Any]] = [Reading.objects, ReadingAggregate.objects, DueAggregate.objects]
    deleted = next((count for rows in managers if (count := _remove_batch(rows, removed))), 0)
    return deleted or SensorChannel.objects.filter(sensor__in=removed).delete()[0]


def _remove_batch(rows: Manager[Any], sensors: list[Sensor]) -> int:
    found = rows.filter(channel__sensor__in=sensors).order_by()
    batch = list(found.values_list("pk", flat=True)[:BATCH])
    return rows.filter(pk__in=batch).delete()[0] if batch else 0
