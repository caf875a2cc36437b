"""Silences: while one is active, the alerts that it matches are open and shown, but no one is notified."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction

from core import database_clock
from core.camera_names import CameraName
from core.camera_refs import Cameras, camera_columns
from core.events.models import Alert, Event
from core.events.service import record_event
from core.resources.resource import Refused
from core.station_zone import site_time_text
from core.text.sentences import sentence
from monitoring.models import AlertSilence
from monitoring.notifications.resource import SilenceRequest
from monitoring.notifications.selectors import active_silences

MAX_ACTIVE = 500


class TooManySilences(Refused):
    """The message says what to do."""


def silence_alert(
    alert: Alert, actor: str, reason: str = "", for_s: float | None = None, pk: UUID | None = None
) -> AlertSilence:
    """Silence the alert's key for some seconds; None: until the alert is resolved. TooManySilences."""
    return add_silence(actor, reason, for_s, key=alert.key, camera=alert.camera_refs, pk=pk)


def silence_matching(wanted: SilenceRequest, actor: str, new_id: UUID | None = None) -> AlertSilence:
    """Silence alerts of a camera, or with keys that begin so. The silence that has `new_id` already is returned
    unchanged. TooManySilences."""
    camera = CameraName("", wanted.camera) if wanted.camera else None
    return add_silence(actor, wanted.reason, wanted.for_s, key_prefix=wanted.key_prefix, camera=camera, pk=new_id)


@transaction.atomic
def add_silence(
    actor: str, reason: str, for_s: float | None, *, camera: Cameras, key: str = "", key_prefix: str = "",
    pk: UUID | None = None,
) -> AlertSilence:  # fmt: skip
    """With `pk`, the row that has it already after a kill. TooManySilences."""
    if pk is not None and (found := AlertSilence.objects.filter(pk=pk).first()):
        return found
    if active_silences().count() >= MAX_ACTIVE:
        raise TooManySilences(f"There are {MAX_ACTIVE} active silences. End one first.")
    now = database_clock.estimate()
    silence = AlertSilence.objects.create(
        key=key, key_prefix=key_prefix, reason=reason, created_by=actor[:150], created_at=now,
        ends_at=None if for_s is None else now + timedelta(seconds=for_s), **camera_columns(camera),
        **({"pk": pk} if pk else {}),
    )  # fmt: skip
    until = f"until {site_time_text(silence.ends_at)}" if silence.ends_at else "until it is resolved"
    record_event(
        "alert.silenced",
        sentence(
            "{who} silenced {silence} {until}{why}",
            who=actor,
            silence=silence,
            until=until,
            why=f": {reason}" if reason else "",
        ),
        camera=camera,
        subject=silence.pk,
        actor=actor,
        data={"key": key, "key_prefix": key_prefix, "for_s": for_s, "reason": reason},
    )
    return silence


@transaction.atomic
def end_silence(silence: AlertSilence, actor: str = "") -> AlertSilence:
    """One that has ended does not change. Without an actor it ended by itself."""
    ended = AlertSilence.objects.filter(pk=silence.pk, ended_at=None).update(
        ended_at=database_clock.now(), ended_by=actor[:150]
    )
    if ended:
        template = "{who} ended the silence of {silence}." if actor else "The silence of {silence} is over."
        message = sentence(template, who=actor, silence=silence)
        record_event(
            "alert.unsilenced", message, camera=silence.camera_refs, subject=silence.pk, actor=actor,
            data={"key": silence.key, "key_prefix": silence.key_prefix},
        )  # fmt: skip
    silence.refresh_from_db()
    return silence


def end_expired_silences() -> None:
    for silence in AlertSilence.objects.filter(ended_at=None, ends_at__lte=database_clock.now()):
        end_silence(silence)


def end_silences_of(event: Event) -> None:
    """EVENT_RECORDED lists it: a resolved alert ends the silences that were to last until then."""
    if event.kind == "alert.resolved":
        for silence in AlertSilence.objects.filter(ended_at=None, ends_at=None, key=event.data["key"]):
            end_silence(silence)
