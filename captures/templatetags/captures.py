"""Template filters for captures."""

from __future__ import annotations

from typing import Any

from django import template

from cameras.camera_display import held_sentence
from cameras.capture_options import describe_options
from cameras.leases import LeaseHolder
from captures.capturing.models import Capture
from captures.capturing.records import describe_references
from captures.files import addresses
from captures.sessions.models import Session
from core.templatetags.skycam import datetime_text

register = template.Library()
STATUS_GLYPHS = {"planned": "wait", "saved": "ok", "failed": "bad", "skipped": "skip"}
for function in (
    addresses.picture,
    addresses.filename,
    addresses.thumbnail,
    addresses.shown,
    addresses.name,
    addresses.address,
    describe_options,
):
    register.filter(function)


@register.filter
def remote(capture: Capture) -> str:
    """`4 files on pco-nuc`, of the files that stay with the camera; empty without any."""
    return describe_references(capture.references.all())


@register.filter
def reason(code: str) -> str:
    """A reason code as words."""
    return code.replace("_", " ") or "no reason given"


@register.filter
def status_glyph(status: str) -> str:
    """The icon of a capture's status."""
    return STATUS_GLYPHS[status]


@register.filter
def tenth(thousandths: float) -> str:
    """Thousandths as per cent, for attributes."""
    return f"{thousandths / 10:.3f}"


@register.filter
def seconds(value: float) -> str:
    """Seconds as text: 12 s, 0.5 s."""
    return f"{value:g} s"


@register.filter
def held(holder: LeaseHolder | None, user: Any) -> str:
    """Who else holds the camera, so that this user cannot control it; empty when the user can."""
    return held_sentence(holder, user.get_username())


@register.simple_tag
def take_over_effect(holder: LeaseHolder, session: Session | None) -> str:
    """From whom the camera would be taken over. `session`: the camera's session, if one is running."""
    continues = " The session continues." if session else ""
    return f"{holder.label} has held it since {datetime_text(holder.since)}, and is notified.{continues}"


@register.simple_tag
def stop_effect(holder: LeaseHolder, session: Session) -> str:
    """Whose session would be stopped while someone else holds its camera."""
    by, at = session.started_by or "the station", datetime_text(session.started_at or session.created_at)
    since = "" if holder.session else f" {holder.held_by} has since taken over the camera."
    return f"This session was started by {by}, {at}.{since} It takes no more captures."
