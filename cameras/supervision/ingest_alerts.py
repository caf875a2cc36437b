"""Alerts for what cannot be ingested from a spool: rejected and unreadable records, and clips that cannot be
finished."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable
from typing import Any

from django.db import transaction

from cameras.spool.spool import spool_folder
from cameras.supervision import orphan_recovery
from cameras.supervision.desired_state import DesiredState
from core.camera_names import CameraRef
from core.changes.gate import read_again
from core.events.models import Alert
from core.events.selectors import unresolved_keys
from core.events.service import raise_alert, record_event, resolve_alert
from core.text.sentences import sentence

log = logging.getLogger(__name__)
REJECTED = "spool.rejected"
"""The kind of event; the alert is `spool.rejected:<slug>`. A person decides about rejected records: the alert is
resolved when none is left."""
UNREADABLE = "spool.unreadable:"
"""Followed by the slug. The alert's data name the record: it is resolved when that is gone from the spool, and opened
again for another one."""


@transaction.atomic
def raise_rejected_alert(camera: CameraRef, rejected: list[str]) -> None:
    """`rejected` are descriptions. Raises DatabaseError."""
    text = sentence(
        "The spool of {camera} held unusable records: {records}", camera=camera, records="; ".join(rejected)[:500]
    )
    record_event(REJECTED, text, severity="error", camera=camera)
    raise_alert(f"{REJECTED}:{camera.slug}", text, severity="error", camera=camera)


def resolve_rejected_alerts(places: Iterable[DesiredState]) -> None:
    """Resolve the alerts of cameras whose rejected records a person has removed. A slug may have belonged to another
    camera before. `places` are all spools of this host. Raises DatabaseError."""
    spools = list(places)
    opened = Alert.objects.filter(key__startswith=f"{REJECTED}:").exclude(state=Alert.State.RESOLVED)
    for key in opened.values_list("key", flat=True):
        read_again()  # a person may remove what it is about
        own = [place for place in spools if key == f"{REJECTED}:{place.slug}"]
        if own and not any(orphan_recovery.holds_rejected(place) for place in own):
            resolve_alert(key)


def raise_unreadable_alert(camera: DesiredState, record: str, error: OSError) -> None:
    """Unless it is open, for this record or another one of the camera. Raises DatabaseError."""
    key = f"{UNREADABLE}{camera.slug}"
    # `raise_alert` would increase the count of the open alert at each try.
    if key in unresolved_keys(UNREADABLE):
        return
    folder = f"{camera.root_path}/{spool_folder(camera.id, camera.part)}"
    message = sentence(
        "A record of {camera} cannot be read ({error}). It is {folder}/{record}.done, and is tried again every few "
        "seconds. Check the disk. A record that is lost can be removed there; its pictures are kept.",
        camera=camera, error=error, folder=folder, record=record,
    )  # fmt: skip
    raise_alert(key, message, severity="error", camera=camera, data={"record": record})


def resolve_unreadable_alerts(places: Iterable[DesiredState]) -> None:
    """Resolve the alerts of records that were ingested or removed since. `places` are all spools of this host. Raises
    DatabaseError."""
    spools = list(places)
    opened = Alert.objects.filter(key__startswith=UNREADABLE).exclude(state=Alert.State.RESOLVED)
    for key, data in opened.values_list("key", "data"):
        read_again()
        own = [place for place in spools if key == f"{UNREADABLE}{place.slug}"]
        if own and not any(orphan_recovery.holds_record(place, data["record"]) for place in own):
            resolve_alert(key)


class UnfinishedClips:
    """The alerts `recording.left:<slug>` of cameras without a process. `enqueue` makes the calls that need the
    database."""

    def __init__(self, enqueue: Callable[[Callable[[], Any]], None]) -> None:
        self._enqueue = enqueue
        self._left: dict[tuple[str, str], str] = {}
        """Slug and root -> message of the alert."""

    def update_alert(self, desired: DesiredState, recovered: orphan_recovery.RecoveredSpool) -> None:
        """Raise or resolve the alert after a recovery. Raised again on every recovery, because the end of a recorder's
        own alerts may come after it."""
        before = self._left.pop((desired.slug, desired.root), "")
        if recovered.left:
            self._left[desired.slug, desired.root] = recovered.left
            if recovered.left != before:
                log.warning("%s", recovered.left)
            self._enqueue(functools.partial(_raise_unless_open, desired, recovered.left))
        # An idle spool without an alert costs no write: this runs every few seconds for each camera without a process.
        elif (before or not recovered.idle) and all(slug != desired.slug for slug, _ in self._left):
            self._enqueue(functools.partial(resolve_alert, _key(desired.slug)))


def _key(slug: str) -> str:
    return f"recording.left:{slug}"


def _raise_unless_open(camera: CameraRef, message: str) -> None:
    """Raise the alert unless it is open with this message."""
    # `raise_alert` would increase the count of the open alert at each sweep.
    if not Alert.objects.filter(key=_key(camera.slug), message=message).exclude(state=Alert.State.RESOLVED).exists():
        raise_alert(_key(camera.slug), message, severity="critical", camera=camera)
