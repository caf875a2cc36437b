"""Checks that need the database: hosts, storage roots, stored secrets, sensors, notification channels, system checks,
health, and whether the periodic work is on time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from shlex import quote
from typing import TYPE_CHECKING

from core import database_move
from core.text.sentences import pluralize
from skycam_project.cli.diagnostics.finding import BROKEN, OK, WARNING, Finding
from skycam_project.cli.diagnostics.station import PREPARING_DETAIL, WAIT, is_preparing, room_finding
from skycam_project.cli.station import Station

if TYPE_CHECKING:
    from captures.models import StorageRoot

UP = "Start the station: skycam up"
STALE_DAYS = 7
CHECK_S = 5.0
"""Of the deadline of a check, for reading the database's file."""


def database(station: Station) -> Iterator[Finding]:
    from skycam_project.cli.errors import CliError

    if is_preparing(station):
        yield Finding("database", WARNING, PREPARING_DETAIL, WAIT)
        return
    if database_move.is_being_moved(station.config.data):
        yield Finding("database", WARNING, database_move.SENTENCE, "Wait for the end of `skycam database move`.")
        return
    try:
        station.set_up_django()
        waiting = unapplied()
        locked = lock_error()
    except CliError as error:
        yield Finding("database", BROKEN, error.detail, UP)
    except database_error() as error:
        yield unanswered_finding(error)
    else:
        damaged = damage()
        if damaged:
            yield damaged_finding(damaged)
        if locked:
            yield locked_finding(station, locked)
        if waiting:
            yield Finding(
                "database", BROKEN, f"Not applied yet: {pluralize(waiting, 'migration')}.", "Start it again: skycam up"
            )
        if not damaged and not locked and not waiting:
            yield Finding("database", OK, "It answers, and all migrations are applied.")


def unanswered_finding(error: Exception) -> Finding:
    from core import database_damage

    if database_damage.is_damage(error):
        return damaged_finding(str(error).strip())
    return Finding("database", BROKEN, f"It does not answer: {str(error).strip()}.", "Start it, or check DATABASE_URL.")


def damage() -> str:
    """What is damaged; empty if nothing is known of it. Reads the file as far as CHECK_S allows, also while the station
    is stopped: its daily check reads all of it."""
    from core import database_damage
    from core.database_damage import FileCheck, Interrupted, sqlite_file

    if (noted := database_damage.read_note()) is not None:
        return f"{noted['reason']}, since {noted['found']}"
    if (file := sqlite_file()) is None:
        return ""
    until = time.monotonic() + CHECK_S
    try:
        return "; ".join(FileCheck(file, lambda: time.monotonic() >= until).findings())
    except Interrupted:
        return ""


def damaged_finding(reason: str) -> Finding:
    from core import database_damage

    return Finding("database", BROKEN, f"It is damaged ({reason}).", database_damage.REMEDY)


def lock_error() -> str:
    """As that of `core.database_health`, within the deadline of a check."""
    from django.db import connection

    from core import database_damage as database_writes
    from skycam_project.sqlite_busy_timeout import set_busy_timeout

    # A command would wait longer than the deadline of a check; the web part has this timeout already.
    set_busy_timeout(connection)
    return database_writes.lock_error()


def locked_finding(station: Station, reason: str) -> Finding:
    """Names the other programs that have the file open: one of them keeps the lock, unless a part hangs."""
    from django.db import connection

    from core.database_damage import READ_ONLY, READ_ONLY_REMEDY
    from core.device_holders import find_holders, format_holders
    from skycam_project.cli.diagnostics.network import own_processes

    detail = f"It answers, but takes no writes: {reason}."
    if reason == READ_ONLY:
        return Finding("database", BROKEN, detail, READ_ONLY_REMEDY)
    own = own_processes(station.config)
    holders = [
        one for one in find_holders(os.path.realpath(str(connection.settings_dict["NAME"]))) if one.pid not in own
    ]
    if not holders:
        return Finding("database", BROKEN, detail, "If it lasts, a part hangs: restart the station.")
    remedy = f"Stop it: {'; '.join(holder.stop for holder in holders)}"
    return Finding("database", BROKEN, f"{detail} {format_holders(holders)} has it open.", remedy)


def database_error() -> type[Exception]:
    from django.db import Error

    return Error


def unapplied() -> int:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def versions(_station: Station) -> Iterator[Finding]:
    """Hosts whose version is too far from this one."""
    from cameras.models import CameraHost
    from core.versions import version_problem

    for host in CameraHost.objects.exclude(leased_until=None):
        if problem := version_problem(host.name, host.schema, host.protocol):
            yield Finding("versions", BROKEN, problem, "Update it: docs/station/running.md, Update it")


def partitions(_station: Station) -> Iterator[Finding]:
    """Rows that no month took. Nothing is broken by them, and they may stay for years: only a warning."""
    from core.partitions import MOST_COUNTED, default_partition, rows_outside_months
    from core.text.sentences import pluralize

    for table, count in rows_outside_months().items():
        if count:
            rows = f"{'at least ' if count >= MOST_COUNTED else ''}{pluralize(count, 'row')}"
            yield Finding(
                "partitions", WARNING, f"{table} has {rows} outside of its months, with times of a wrong clock.",
                "Set the clock right: `skycam hosts list` shows each. Retention removes the past ones; psql removes "
                f"all now, with a DELETE on {default_partition(table)}.",
            )  # fmt: skip
        else:
            yield Finding("partitions", OK, f"All rows of {table} are in its months.")


def hosts(station: Station) -> Iterator[Finding]:
    """A camera host without a heartbeat is broken if it has cameras."""
    from cameras.models import Camera
    from cameras.status.reader import read_station
    from core.broker.hiredis_client import BrokerDown

    wanted = Camera.objects.present().filter(enabled=True).order_by("host").values_list("host", flat=True).distinct()
    try:
        alive = {host["host"] for host in read_station(station.config.redis_url, station.config.station.id)["hosts"]}
    except BrokerDown:
        return  # the broker's own check reports it
    for host in wanted:
        if host in alive:
            yield Finding("hosts", OK, f"The camera host {host} is alive.")
        else:
            yield Finding("hosts", BROKEN, f"The camera host {host} does not answer.", f"On that machine: {UP}")


def storage(station: Station) -> Iterator[Finding]:
    """Each storage root of this machine: its marker, and its free space."""
    from captures.models import StorageRoot
    from captures.roots.roots import roots_of_new_files

    roots = StorageRoot.objects.filter(host=station.config.host)
    if not roots:
        yield Finding("storage", BROKEN, "This host has no storage root.", UP)
    used = {root.pk for root in roots_of_new_files(station.config.host)}
    for root in roots:
        yield root_finding(root, is_used=root.pk in used)


def root_finding(root: StorageRoot, *, is_used: bool) -> Finding:
    """What is wrong with a root that gets no new files is a warning: its files cannot be read."""
    from captures.roots.roots import root_problem

    if problem := root_problem(root):
        return Finding("storage", BROKEN if is_used else WARNING, problem.detail, problem.remedy)
    found = room_finding("storage", root.path)
    return replace(found, state=WARNING) if found.state == BROKEN and not is_used else found


def passwords(_station: Station) -> Iterator[Finding]:
    """Whether all stored secrets can be decrypted with the station's key, each for its row and its place."""
    from cameras.models import HostInvitation
    from core.secrets import decrypt_secrets, rows_with_secrets

    lost = set()
    for row, column in rows_with_secrets():
        # What was removed is not used, and an invitation ends within the hour.
        if getattr(row, "removed_at", None) is None and not isinstance(row, HostInvitation):
            try:
                decrypt_secrets(row, column)
            # DecryptionFailed is one; the others are of settings that this version does not know.
            except (ValueError, LookupError):
                lost.add(f"{row._meta.verbose_name} {row}")
    if lost:
        remedy = "Restore the old key (docs/station/security.md), or write these secrets again"
        detail = f"These stored secrets cannot be decrypted: {', '.join(sorted(lost))}."
        yield Finding("passwords", BROKEN, detail, remedy)
    else:
        yield Finding("passwords", OK, "The stored passwords and other secrets can be decrypted.")


def copies(station: Station) -> Iterator[Finding]:
    """The age of the newest verified copy at each off-site destination, and of the newest backup; a warning for each
    destination that was added before it needed permission to lack TLS."""
    from django.db.models import Max
    from django.utils import timezone

    from captures.storage.offsite.destinations.settings import S3Settings
    from captures.storage.offsite.models import Destination, OffsiteCopy
    from core.station_zone import site_time_text

    newest = dict(OffsiteCopy.objects.order_by().values_list("destination").annotate(at=Max("verified_at")))
    waiting = set(OffsiteCopy.objects.waiting().order_by().values_list("destination", flat=True).distinct())
    destinations = list(Destination.objects.order_by("name"))
    for destination in destinations:
        at = newest.get(destination.pk)
        age = "none yet" if at is None else site_time_text(at)
        detail = f"The newest verified copy of a file at {destination.name}: {age}."
        is_stale = destination.pk in waiting and (at is None or (timezone.now() - at).days >= STALE_DAYS)
        remedy = "Files wait for it; `skycam offsite status` says why." if is_stale else ""
        yield Finding("copies", WARNING if is_stale else OK, detail, remedy)
        place = destination.typed_settings
        if isinstance(place, S3Settings) and place.lacks_tls:
            yield Finding(
                "copies", WARNING, f"Copies go to {destination.name} over http://: everybody on the way can read them.",
                "Give it an https:// endpoint, or allow this: "
                f"skycam offsite set {quote(destination.name)} --set plain_http=true",
            )  # fmt: skip
    if not destinations:
        remedy = "Add one on another disk or server: skycam offsite add"
        yield Finding("copies", OK, "No files are copied off-site: there is no destination.", remedy)
    yield backup_finding(station)


def backup_finding(station: Station) -> Finding:
    """Copies have pictures and clips only: the database and the keys are in a backup."""
    from django.utils import timezone

    from skycam_project.backups.jobs import made_at
    from skycam_project.backups.service import backup_folder

    if (made := made_at()) is None:
        detail = f"There is no backup of the database and the keys in {backup_folder(station.config)}."
        return Finding(
            "copies", WARNING, detail, "Make one: skycam backup make. docs/operating/backup.md has a schedule."
        )
    is_stale = (timezone.now() - made).days >= STALE_DAYS
    detail = f"The newest backup of the database and the keys was made at {made:%Y-%m-%d %H:%M} UTC."
    return Finding(
        "copies", WARNING if is_stale else OK, detail, "Make another one: skycam backup make" if is_stale else ""
    )


def station_checks(_station: Station) -> Iterator[Finding]:
    """Skycam's own system checks, which load no libraries."""
    from django.core import checks

    from skycam_project.checks import check_station

    for message in check_station():
        state = BROKEN if message.level >= checks.ERROR else WARNING
        yield Finding("station", state, str(message.msg), str(message.hint or ""))


def system_checks(_station: Station) -> Iterator[Finding]:
    """Django's and Skycam's, without those of folders, which the check `folders` reports also without a database."""
    from django.core import checks

    from skycam_project.checks import FOLDER_CHECKS

    found = [
        message
        for message in checks.run_checks()
        if message.level >= checks.WARNING and not message.is_silenced() and message.id not in FOLDER_CHECKS
    ]
    for message in found:
        state = BROKEN if message.level >= checks.ERROR else WARNING
        yield Finding(str(message.id or "system check"), state, str(message.msg), str(message.hint or ""))
    if not found:
        yield Finding("system checks", OK, "No problems found.")


def health(_station: Station) -> Iterator[Finding]:
    from monitoring.health import findings

    for name, sentences in findings().items():
        for sentence in sentences:
            yield Finding(name, BROKEN, sentence)
        if not sentences:
            yield Finding(name, OK, "No problems.")


STATES = {"ok": OK, "off": OK, "starting": WARNING}


def sensors(_station: Station) -> Iterator[Finding]:
    """A finding for each sensor that gives no values, or none for a channel; one for all that do."""
    from monitoring.models import Sensor
    from monitoring.sensor_management.selectors import with_status

    well = 0
    for sensor in with_status(Sensor.objects.filter(removed_at=None)):
        name = sensor.name
        bad = [channel.display_name for channel in sensor.channels.all() if channel.quality != "ok"]
        if sensor.state not in STATES:
            message = sensor.message or f"It is {sensor.state}."
            yield Finding("sensors", BROKEN, f"{name}: {message}", f"Try it: skycam sensors test {name}")
        elif sensor.state != "off" and bad:
            detail = f"{name}: no good value of {', '.join(bad)}."
            yield Finding("sensors", WARNING, detail, f"Look at it: skycam sensors channels {name}")
        else:
            well += 1
    if well:
        yield Finding("sensors", OK, "1 sensor is well." if well == 1 else f"{well} sensors are well.")


def notifications(_station: Station) -> Iterator[Finding]:
    """A finding for each channel that fails; a warning if no alert reaches anyone."""
    from core.station_zone import site_time_text
    from monitoring.models import NotificationChannel, NotificationRoute

    enabled = NotificationChannel.objects.filter(enabled=True)
    for channel in enabled.order_by("name"):
        if channel.failing_since is None:
            continue
        detail = f"{channel.name} ({channel.kind}) has failed since {site_time_text(channel.failing_since)}."
        yield Finding(
            "notifications", BROKEN, detail, f"Look at its last error: skycam notifications test {quote(channel.name)}"
        )
    if not NotificationRoute.objects.filter(enabled=True, channel__in=enabled).exists():
        detail = "No alert reaches anyone: there is no enabled channel with a route."
        yield Finding(
            "notifications", WARNING, detail, "Add one on the page Notifications, or: skycam notifications add"
        )
    else:
        yield Finding("notifications", OK, f"{pluralize(enabled.count(), 'notification channel')}.")


CHECK = "periodic work"


def periodic_work(station: Station) -> Iterator[Finding]:
    """A warning for each task that is late, fails or is not reported; nothing while the broker is away, which has a
    finding of its own, or the station is stopped."""
    from cameras.models import CameraHost
    from cameras.status.status import read_heartbeats
    from core.broker.broker import BrokerDown
    from skycam_project.periodic_status import read_periodic_status

    hosts = sorted({*CameraHost.objects.values_list("name", flat=True), station.config.host})
    try:
        alive = [host for host, beat in read_heartbeats(hosts).items() if beat is not None]
    except BrokerDown:
        return
    found = read_periodic_status(hosts, alive, names_subjects=True)
    for row in found.late:
        detail = f"{row.task.name}: {row.state_display.label.lower()}. {' '.join(row.troubles)}".strip()
        yield Finding(CHECK, WARNING, detail, f"What it costs: {row.task.late}")
    if found.wanted and not found.late:
        number = len(found.wanted)
        yield Finding(CHECK, OK, f"{number} task{'s' if number > 1 else ''}, none is late.")
