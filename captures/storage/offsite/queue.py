"""The queue of a host for a destination: files become rows, and rows move through COPY_TRANSITIONS.

Each move is one conditional UPDATE with its event in the same transaction. Times are those of the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from cameras.models import Camera
from captures.roots.models import Kept
from captures.storage.offsite.backoff import LONGEST_S, retry_delay_s
from captures.storage.offsite.copy_states import COPY_TRANSITIONS, CopyState
from captures.storage.offsite.models import Destination, DestinationHost, OffsiteCopy, file_columns
from captures.storage.stored_files.tables import FILE_TABLES, FileTable, StoredFile
from core import database_clock
from core.events.service import raise_alert, record_event, resolve_alert
from core.slices import slices_of

NEWEST, NEWEST_BATCHES = 500, 20
"""Rows of a batch, and batches of one search, from the newest file back to those that are queued already."""
PART = 2000
"""Rows of the part of a table that each search looks at besides: in turn it finds what came late from an outage."""
LONGEST_RETRY_S = LONGEST_S * 1.5
FAILURES = 3
"""Failures in a row before the alert: a single lost connection is no news."""


def host_of(destination: Destination, host: str) -> DestinationHost:
    found, _ = DestinationHost.objects.get_or_create(destination=destination, host=host)
    return found


# From files to rows


def queue_new_files(destination: Destination, host: str) -> int:
    """Make rows for files of the host that have none. Returns their number. The cost does not depend on how many files
    there are: the newest, and one part of the others."""
    state, queued = host_of(destination, host), 0
    cameras = set(destination.cameras.values_list("pk", flat=True))
    for table in FILE_TABLES.values():
        search = _Search(destination, table, host, cameras)
        for batch in range(NEWEST_BATCHES):
            found = search.queue_newest(batch)
            queued += found
            if found < NEWEST // 2:
                break
        after = state.search.get(table.name, "")
        added, state.search[table.name] = search.queue_part(after)
        queued += added
    state.save(update_fields=["search"])
    return queued


class _Search:
    """Files of one table that have no row for a destination."""

    def __init__(self, destination: Destination, table: FileTable, host: str, cameras: set[UUID]) -> None:
        self._destination, self._table, self._cameras = destination, table, cameras
        self._rows = table.rows().filter(**{table.host: host})
        self._key = key_column(table)

    def queue_newest(self, batch: int) -> int:
        return self._queue(list(self._rows.order_by("-pk")[batch * NEWEST : (batch + 1) * NEWEST]))

    def queue_part(self, after: str) -> tuple[int, str]:
        """The rows behind the key `after`. Returns how many were queued, and the key for the next part; empty at the
        end of the table."""
        rows = self._rows.filter(pk__gt=after) if after else self._rows
        # The keys alone are read: nearly all of these rows are queued already.
        keys = list(rows.order_by("pk").values_list("pk", flat=True)[:PART])
        missing = self._unknown(keys)
        found = list(self._rows.filter(pk__in=missing)) if missing else []
        return self._queue(found), str(keys[-1]) if len(keys) == PART else ""

    def _unknown(self, keys: list[Any]) -> list[Any]:
        if not keys:
            return []
        between = {f"{self._key}__gte": min(keys), f"{self._key}__lte": max(keys)}
        copies = OffsiteCopy.objects.filter(destination=self._destination, table=self._table.name, **between)
        known = set(copies.values_list(self._key, flat=True))
        return [key for key in keys if key not in known]

    def _queue(self, rows: list[Any]) -> int:
        missing = set(self._unknown([row.pk for row in rows]))
        files = [self._table.of_row(row) for row in rows if row.pk in missing]
        copies = [copy_of(self._destination, file) for file in files if self._is_covered(file)]
        # A second process of the host may do the same: the constraint keeps one row.
        OffsiteCopy.objects.bulk_create(copies, ignore_conflicts=True, batch_size=NEWEST)
        return len(copies)

    def _is_covered(self, file: StoredFile) -> bool:
        return file.file_class in self._destination.classes and (not self._cameras or file.camera in self._cameras)


def moved_rows(table: FileTable, *kept: Kept) -> QuerySet[Any]:
    """The keys of the table's files that only a destination has. `kept`: not also those that are about to be."""
    if table.name == "clips":
        return table.rows().none().values("pk")
    rows: QuerySet[Any] = table.rows().model._base_manager.filter(kept__in=kept or (Kept.MOVING, Kept.OFFSITE))
    return rows.values("pk")


def key_column(table: FileTable) -> str:
    """The column of `OffsiteCopy` for the keys of a table."""
    return "number" if table.rows().model._meta.pk.get_internal_type().endswith("AutoField") else "uuid"


def copy_of(destination: Destination, file: StoredFile) -> OffsiteCopy:
    """The unsaved row. Two roots of a host may have a file of the same path."""
    key = f"{file.host}/{file.root.hex[-12:]}/{file.path}"
    return OffsiteCopy(
        destination=destination, table=file.table, **file_columns(file.pk), file_class=str(file.file_class),
        host=file.host, root=file.root, path=file.path, bytes=file.bytes, sha256=file.sha256, camera=file.camera,
        at=file.at, key=key, retry_at=database_clock.read_now(),
    )  # fmt: skip


def queue_files(files: list[StoredFile], actor: str) -> int:
    """Queue copies of these files at each enabled destination, at a person's request: also of classes and cameras that
    the destination does not copy by itself. Dead copies are queued again. Returns how many are new."""
    new = 0
    for destination in Destination.objects.filter(enabled=True):
        for file in files:
            columns = {name: value for name, value in file_columns(file.pk).items() if value is not None}
            known = OffsiteCopy.objects.filter(destination=destination, table=file.table, **columns)
            if known.exists():
                retry_dead(known, actor)
                continue
            # Another process may do the same: the constraint keeps one row.
            new += len(OffsiteCopy.objects.bulk_create([copy_of(destination, file)], ignore_conflicts=True))
    return new


# Moves


def move(copy: OffsiteCopy, before: CopyState, after: CopyState, **fields: Any) -> bool:
    """Move the copy; False if it is in another state, or in another attempt, by now. ValueError for a move that
    COPY_TRANSITIONS does not have."""
    if after not in COPY_TRANSITIONS[before]:
        raise ValueError(f"A copy does not go from {before} to {after}.")
    rows = OffsiteCopy.objects.filter(pk=copy.pk, state=before, attempts=copy.attempts)
    moved = bool(rows.update(state=after, **fields))
    if moved:
        copy.refresh_from_db()
    return moved


def due(destination: Destination, host: str, without: Iterable[UUID] = ()) -> Q:
    """Condition for the copies that may be sent now, other than those of the roots `without`."""
    now = database_clock.read_now()
    # A time further away than any retry comes from a clock that was set back since.
    late = Q(retry_at__lte=now) | Q(retry_at__gt=now + timedelta(seconds=LONGEST_RETRY_S))
    queued = Q(destination=destination, host=host, state=CopyState.QUEUED.value) & late
    # Only if needed: the condition for each row is not in the index.
    return queued & ~Q(root__in=roots) if (roots := list(without)) else queued


def claim_next(destination: Destination, host: str, without: Iterable[UUID] = ()) -> OffsiteCopy | None:
    """The oldest file that is due, and not in one of the roots `without`, now `sending`."""
    for copy in OffsiteCopy.objects.filter(due(destination, host, without)).order_by("at", "id")[:20]:
        if move(copy, CopyState.QUEUED, CopyState.SENDING, attempts=copy.attempts + 1):
            return copy
    return None


def take_back_lost(destination: Destination, host: str) -> int:
    """Queue what a killed process was sending. Only the one job of a destination and host may call it."""
    rows = OffsiteCopy.objects.filter(destination=destination, host=host, state=CopyState.SENDING.value)
    return rows.update(state=CopyState.QUEUED, retry_at=database_clock.read_now())


def wait_s(destination: Destination, host: str) -> float:
    """Seconds until a failing destination is tried again."""
    at = host_of(destination, host).retry_at
    left = (at - database_clock.read_now()).total_seconds() if at else 0.0
    # A time further away than any retry comes from a clock that was set back since.
    return left if 0.0 < left <= LONGEST_RETRY_S else 0.0


def note_verified(copy: OffsiteCopy, verified_by: str, sent_to: Destination) -> bool:
    """The copy is whole at the place of `sent_to`. False, and queued again, if the destination is at another place by
    now. A row of the host in the same transaction: the destination works."""
    now = database_clock.read_now()
    with transaction.atomic():
        # Locked: it is not changed between this look and the move.
        present = Destination.objects.select_for_update().filter(pk=sent_to.pk).first()
        if present is None or present.typed_settings.place() != sent_to.typed_settings.place():
            note_interrupted(copy)
            return False
        moved = move(
            copy, CopyState.SENDING, CopyState.VERIFIED,
            verified_at=now, verified_by=verified_by, error="", upload="",
        )  # fmt: skip
        if moved:
            hosts = DestinationHost.objects.filter(destination=copy.destination_id, host=copy.host)
            recovered = hosts.exclude(failures=0).update(failures=0, failing_since=None, retry_at=None, error="")
            hosts.update(verified_at=now)
            if recovered or copy.damaged:
                _resolve_alerts(copy.destination)
    return moved


def compare_again(destination: Destination) -> None:
    """The destination is at another place: copies of files that are still on their hosts count only once they are found
    whole there. Those of deleted files stay verified, as there is nothing to send. Twice: before the change, in short
    transactions, for what may be 200,000 rows; and in the transaction of the change, for those that a job has verified
    at the place before meanwhile."""
    copies = OffsiteCopy.objects.filter(destination=destination)
    queued = {
        "state": CopyState.QUEUED.value, "retry_at": database_clock.read_now(), "verified_at": None, "verified_by": "",
        "upload": "",
    }  # fmt: skip
    update_locked(copies.exclude(upload=""), upload="")
    # First, so that a job cannot make them verified after the next statement.
    update_locked(copies.filter(state=CopyState.SENDING.value), **queued)
    for table in FILE_TABLES.values():
        # Not of files that only the destination has: there is nothing here to compare with.
        present = table.rows().model._base_manager.exclude(pk__in=moved_rows(table)).values("pk")
        own = copies.filter(state=CopyState.VERIFIED.value, table=table.name, **{f"{key_column(table)}__in": present})
        update_locked(own, **queued)


def lock_copies(copies: QuerySet[OffsiteCopy]) -> list[OffsiteCopy]:
    """The copies, locked in the caller's transaction. All that lock more than one do it here, in one order: first the
    destinations, which a change of one locks as well, then the copies, both by their keys. So two never wait for each
    other."""
    destinations = Destination.objects.filter(pk__in=copies.order_by().values("destination")).order_by("pk")
    list(destinations.select_for_update(no_key=True))
    return list(copies.order_by("pk").select_for_update(of=("self",)).select_related("destination"))


def update_locked(copies: QuerySet[OffsiteCopy], **values: Any) -> int:
    """Update the copies in slices. A rule of retention has their locks while it deletes a file because of its copy: the
    condition is not read before that deletion has ended. Returns the number of copies."""
    updated = 0
    for keys in slices_of(copies):
        with transaction.atomic():
            lock_copies(copies.filter(pk__in=keys))
            updated += copies.filter(pk__in=keys).update(**values)
    return updated


def note_interrupted(copy: OffsiteCopy) -> bool:
    """Nothing failed: it continues when it may."""
    return move(copy, CopyState.SENDING, CopyState.QUEUED, retry_at=database_clock.read_now())


def note_waiting(copy: OffsiteCopy, error: str) -> bool:
    """The fault is on this host, such as a root that is not mounted: other files and the destination are not blamed."""
    again = database_clock.read_now() + timedelta(seconds=retry_delay_s(copy.attempts))
    return move(copy, CopyState.SENDING, CopyState.QUEUED, retry_at=again, error=error)


def note_failed(copy: OffsiteCopy, error: str) -> bool:
    """The copy waits longer after each failure; the destination is tried again with the next file before."""
    with transaction.atomic():
        again = database_clock.read_now() + timedelta(seconds=retry_delay_s(copy.attempts))
        if not move(copy, CopyState.SENDING, CopyState.QUEUED, retry_at=again, error=error):
            return False
        note_destination_failed(copy.destination, copy.host, error, camera_named_in(error, copy))
    return True


def note_destination_failed(destination: Destination, host: str, error: str, camera: Camera | None = None) -> None:
    """One alert for a destination that fails, however many files wait for it. `camera`: that which the error names."""
    now, state = database_clock.read_now(), host_of(destination, host)
    with transaction.atomic():
        DestinationHost.objects.filter(pk=state.pk).update(
            failures=F("failures") + 1, failing_since=state.failing_since or now, error=error,
            retry_at=now + timedelta(seconds=retry_delay_s(state.failures + 1)),
        )  # fmt: skip
        if state.failures + 1 >= FAILURES:
            raise_alert(
                f"offsite.failing:{destination.pk}",
                f"No file reaches the off-site destination {destination.name}: {error} It is tried again by itself; "
                f"`skycam offsite status` shows what waits.",
                camera=camera,
                severity="error",
                data={"destination": str(destination.pk), "host": host},
            )


def note_damaged(copy: OffsiteCopy, error: str) -> bool:
    """The checksum was wrong at the far end: an event and an alert, and another attempt."""
    again = database_clock.read_now() + timedelta(seconds=retry_delay_s(copy.attempts))
    with transaction.atomic():
        fields = {"retry_at": again, "error": error, "damaged": F("damaged") + 1, "upload": ""}
        if not move(copy, CopyState.SENDING, CopyState.QUEUED, **fields):
            return False
        name = copy.destination.name
        message = f"A copy at {name} was damaged on its way and is sent again: {error}"
        _record("offsite.damaged", message, copy)
        raise_alert(
            f"offsite.damaged:{copy.destination_id}", f"{message} Check the network and the storage of {name}.",
            camera=camera_named_in(error, copy), severity="error", data={"destination": str(copy.destination_id)},
        )  # fmt: skip
    return True


def note_dead(copy: OffsiteCopy, error: str) -> bool:
    """No retry mends it: a person has to."""
    with transaction.atomic():
        if not move(copy, CopyState.SENDING, CopyState.DEAD, error=error, upload=""):
            return False
        message = f"A file cannot be copied to {copy.destination.name}: {error}"
        _record("offsite.dead", message, copy)
        raise_alert(
            f"offsite.dead:{copy.destination_id}", f"{message} `skycam offsite copies --state dead` names it.",
            camera=camera_named_in(error, copy), severity="error", data={"destination": str(copy.destination_id)},
        )  # fmt: skip
    return True


def note_gone(copy: OffsiteCopy) -> bool:
    with transaction.atomic():
        if not move(copy, CopyState.SENDING, CopyState.GONE, upload=""):
            return False
        message = f"A file was deleted before it was copied to {copy.destination.name}."
        _record("offsite.gone", message, copy, severity="warning")
    return True


def note_works(destination: Destination, host: str) -> None:
    """A test found it working: what waits is sent at once."""
    with transaction.atomic():
        hosts = DestinationHost.objects.filter(pk=host_of(destination, host).pk)
        hosts.update(failures=0, failing_since=None, retry_at=None, error="")
        _resolve_alerts(destination)


def try_now(destination: Destination) -> None:
    """End the pause after its failures."""
    DestinationHost.objects.filter(destination=destination).update(retry_at=None)
    copies = OffsiteCopy.objects.filter(destination=destination, state=CopyState.QUEUED.value, attempts__gt=0)
    update_locked(copies, retry_at=database_clock.read_now())


def retry_dead(copies: Any, actor: str) -> int:
    """Queue dead copies again, at a person's request."""
    dead = copies.filter(state=CopyState.DEAD.value).order_by()
    destinations = set(dead.values_list("destination", flat=True).distinct())
    moved = update_locked(dead, state=CopyState.QUEUED, retry_at=database_clock.read_now(), attempts=0)
    with transaction.atomic():
        if moved:
            message = f"{actor} queued {moved} dead off-site copies again."
            record_event("offsite.retried", message, camera=None, actor=actor)
        for destination in Destination.objects.filter(pk__in=destinations):
            _resolve_alerts(destination)
    return moved


def _record(kind: str, message: str, copy: OffsiteCopy, severity: str = "error") -> None:
    """The path names a camera, which not everyone may see: the event belongs to it."""
    record_event(kind, message, severity=severity, camera=camera_of(copy), subject=copy.pk, data={"path": copy.path})


def camera_of(copy: OffsiteCopy) -> Camera | None:
    return Camera.objects.filter(pk=copy.camera).first()


def camera_named_in(error: str, copy: OffsiteCopy) -> Camera | None:
    """What a far end says may quote the name of the copy, which has that of its camera. An alert about a destination
    concerns all users otherwise."""
    camera = camera_of(copy)
    return camera if camera is not None and camera.slug in error else None


def _resolve_alerts(destination: Destination) -> None:
    """Resolve those whose cause is gone."""
    copies = OffsiteCopy.objects.filter(destination=destination)
    if not DestinationHost.objects.filter(destination=destination, failures__gte=FAILURES).exists():
        resolve_alert(f"offsite.failing:{destination.pk}")
    if not copies.waiting().filter(damaged__gt=0).exists():
        resolve_alert(f"offsite.damaged:{destination.pk}")
    if not copies.filter(state=CopyState.DEAD.value).exists():
        resolve_alert(f"offsite.dead:{destination.pk}")
