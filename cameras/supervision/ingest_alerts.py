"""Alerts of what a spool holds and nobody can file: records that were set aside, and clips that a disk keeps back."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable
from typing import Any

from django.db import transaction

from cameras.supervision import orphan_recovery
from cameras.supervision.desired_state import DesiredState
from monitoring.camera_refs import CameraRef
from monitoring.models import Alert
from monitoring.services import raise_alert, record_event, resolve_alert

log = logging.getLogger(__name__)
REJECTED = "spool.rejected"
"""The kind of event; the alert is `spool.rejected:<slug>`. A person decides what becomes of what was set aside: the
alert is over once nothing is."""


@transaction.atomic
def raise_rejected_alert(camera: CameraRef, rejected: list[str]) -> None:
    """`rejected` in words. DatabaseError."""
    text = f"The spool of {camera.slug} held what could not be used: {'; '.join(rejected)[:500]}"
    record_event(REJECTED, text, severity="error", camera=camera)
    raise_alert(f"{REJECTED}:{camera.slug}", text, severity="error", camera=camera)


def resolve_rejected_alerts(places: Iterable[DesiredState]) -> None:
    """Of cameras where a person has taken away all that was set aside; a slug may have been another one's once.
    `places` are all spools of this host. DatabaseError."""
    spools = list(places)
    opened = Alert.objects.filter(key__startswith=f"{REJECTED}:").exclude(state=Alert.State.RESOLVED)
    for key in opened.values_list("key", flat=True):
        own = [place for place in spools if key == f"{REJECTED}:{place.slug}"]
        if own and not any(orphan_recovery.holds_rejected(place) for place in own):
            resolve_alert(key)


class UnfinishedClips:
    """The alerts `recording.left:<slug>` of cameras without a process. `put` carries out later what needs the
    database."""

    def __init__(self, enqueue: Callable[[Callable[[], Any]], None]) -> None:
        self._enqueue = enqueue
        self._left: dict[tuple[str, str], str] = {}
        """Slug and root -> what the alert says."""

    def update_alert(self, desired: DesiredState, settled: orphan_recovery.RecoveredSpool) -> None:
        """A recorder that had the alert opened before it ended may be done with it, too. Said again for as long as it
        lasts, since the end of a recorder's alerts may come after it."""
        before = self._left.pop((desired.slug, desired.root), "")
        if settled.left:
            self._left[desired.slug, desired.root] = settled.left
            if settled.left != before:
                log.warning("%s", settled.left)
            self._enqueue(functools.partial(_raise, desired, settled.left))
        elif (before or not settled.idle) and all(slug != desired.slug for slug, _ in self._left):
            self._enqueue(functools.partial(resolve_alert, _key(desired.slug)))


def _key(slug: str) -> str:
    return f"recording.left:{slug}"


def _raise(camera: CameraRef, message: str) -> None:
    """Unless it is told already."""
    if not Alert.objects.filter(key=_key(camera.slug), message=message).exclude(state=Alert.State.RESOLVED).exists():
        raise_alert(_key(camera.slug), message, severity="critical", camera=camera)
