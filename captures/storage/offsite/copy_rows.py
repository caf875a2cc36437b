"""Copies as rows: a job takes them, and their outcomes move them through COPY_TRANSITIONS.

Each move is one conditional UPDATE with its event in the same transaction. Times are those of the database.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from cameras.models import Camera
from captures.roots.models import Kept
from captures.storage.offsite.models import Destination, DestinationHost, OffsiteCopy
from captures.storage.offsite.states import COPY_TRANSITIONS, CopyState
from captures.storage.stored_files import FILE_TABLES, FileTable
from core import database_clock
from core.deliveries.rows import FailureRule, Schedule, Transitions, held_rows
from core.events.service import raise_alert, record_event, resolve_alert
from core.limits.repeats import RetryDelays
from core.slices import slices_of

SCHEDULE = Schedule(RetryDelays((1.0,), longest_s=900.0, jitter=0.2), tries="attempts", at="retry_at")
"""Of copies and of destinations that fail. A copy is tried until a person ends it: its file may be the only one."""
MOVES = Transitions("A copy", COPY_TRANSITIONS)
FAILURES = FailureRule(alert_after_failures=3)
"""A single lost connection is no news."""
WORKS: dict[str, Any] = {"failures": 0, "retry_at": None, "error": ""}


def host_of(destination: Destination, host: str) -> DestinationHost:
    found, _ = DestinationHost.objects.get_or_create(destination=destination, host=host)
    return found


def move(copy: OffsiteCopy, before: CopyState, after: CopyState, **fields: Any) -> bool:
    """Move the copy; False if it is in another state, or in another attempt, by now. ValueError for a move that
    COPY_TRANSITIONS does not have."""
    moved = bool(MOVES.move(held_rows(copy, "attempts"), before, after, **fields))
    if moved:
        copy.refresh_from_db()
    return moved


def due(destination: Destination, host: str, without: Iterable[UUID] = ()) -> Q:
    """Condition for the copies that may be sent now, other than those of the roots `without`."""
    queued = Q(destination=destination, host=host, state=CopyState.QUEUED.value) & SCHEDULE.is_due()
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
    rows = OffsiteCopy.objects.filter(destination=destination, host=host)
    return MOVES.move(rows, CopyState.SENDING, CopyState.QUEUED, **SCHEDULE.at_once())


def wait_s(destination: Destination, host: str) -> float:
    """Seconds until a failing destination is tried again."""
    at = host_of(destination, host).retry_at
    left = (at - database_clock.read_now()).total_seconds() if at else 0.0
    # A time further away than any retry comes from a clock that was set back since.
    return left if 0.0 < left <= SCHEDULE.delays.max_delay_s else 0.0


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
            host = DestinationHost.objects.filter(destination=copy.destination_id, host=copy.host).first()
            recovered = host is not None and FAILURES.note_success(host, verified_at=now, **WORKS)
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
        **SCHEDULE.at_once(), "state": CopyState.QUEUED.value, "verified_at": None, "verified_by": "", "upload": "",
    }  # fmt: skip
    update_locked(copies.exclude(upload=""), upload="")
    # First, so that a job cannot make them verified after the next statement.
    update_locked(copies.filter(state=CopyState.SENDING.value), **queued)
    for table in FILE_TABLES.values():
        # Not of files that only the destination has: there is nothing here to compare with.
        present = table.rows().model._base_manager.exclude(pk__in=moved_rows(table)).values("pk")
        own = copies.filter(state=CopyState.VERIFIED.value, table=table.name, **{f"{key_column(table)}__in": present})
        update_locked(own, **queued)


def moved_rows(table: FileTable, *kept: Kept) -> QuerySet[Any]:
    """The keys of the table's files that only a destination has. `kept`: not also those that are about to be."""
    if table.name == "clips":
        return table.rows().none().values("pk")
    rows: QuerySet[Any] = table.rows().model._base_manager.filter(kept__in=kept or (Kept.MOVING, Kept.OFFSITE))
    return rows.values("pk")


def key_column(table: FileTable) -> str:
    """The column of `OffsiteCopy` for the keys of a table."""
    return "number" if table.rows().model._meta.pk.get_internal_type().endswith("AutoField") else "uuid"


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
    return move(copy, CopyState.SENDING, CopyState.QUEUED, **SCHEDULE.at_once())


def note_waiting(copy: OffsiteCopy, error: str) -> bool:
    """The fault is on this host, such as a root that is not mounted: other files and the destination are not blamed."""
    return move(copy, CopyState.SENDING, CopyState.QUEUED, **SCHEDULE.after(copy.attempts), error=error)


def note_failed(copy: OffsiteCopy, error: str) -> bool:
    """The copy waits longer after each failure; the destination is tried again with the next file before."""
    with transaction.atomic():
        if not move(copy, CopyState.SENDING, CopyState.QUEUED, **SCHEDULE.after(copy.attempts), error=error):
            return False
        note_destination_failed(copy.destination, copy.host, error, camera_named_in(error, copy))
    return True


def note_destination_failed(destination: Destination, host: str, error: str, camera: Camera | None = None) -> None:
    """One alert for a destination that fails, however many files wait for it. `camera`: that which the error names."""
    state = host_of(destination, host)
    in_a_row = state.failures + 1
    with transaction.atomic():
        failing_for = FAILURES.note_failure(
            state, in_a_row, failures=F("failures") + 1, error=error, **SCHEDULE.after(in_a_row)
        )
        if failing_for is not None:
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
    with transaction.atomic():
        fields = {**SCHEDULE.after(copy.attempts), "error": error, "damaged": F("damaged") + 1, "upload": ""}
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
        FAILURES.note_success(host_of(destination, host), **WORKS)
        _resolve_alerts(destination)


def try_now(destination: Destination) -> None:
    """End the pause after its failures."""
    DestinationHost.objects.filter(destination=destination).update(retry_at=None)
    copies = OffsiteCopy.objects.filter(destination=destination, state=CopyState.QUEUED.value, attempts__gt=0)
    update_locked(copies, **SCHEDULE.at_once())


def retry_dead(copies: Any, actor: str) -> int:
    """Queue dead copies again, at a person's request."""
    dead = copies.filter(state=CopyState.DEAD.value).order_by()
    destinations = set(dead.values_list("destination", flat=True).distinct())
    moved = update_locked(dead, state=CopyState.QUEUED, **SCHEDULE.again())
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
    if not DestinationHost.objects.filter(
        destination=destination, failures__gte=FAILURES.alert_after_failures
    ).exists():
        resolve_alert(f"offsite.failing:{destination.pk}")
    if not copies.waiting().filter(damaged__gt=0).exists():
        resolve_alert(f"offsite.damaged:{destination.pk}")
    if not copies.filter(state=CopyState.DEAD.value).exists():
        resolve_alert(f"offsite.dead:{destination.pk}")
