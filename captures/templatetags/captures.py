"""Template filters for captures."""

from __future__ import annotations

from typing import Any

from django import template

from cameras.camera_display import held_sentence
from cameras.leases.lease_holders import LeaseHolder
from captures.files import addresses

register = template.Library()
for function in (
    addresses.picture,
    addresses.filename,
    addresses.thumbnail,
    addresses.shown,
    addresses.name,
    addresses.address,
):
    register.filter(function)


@register.filter
def reason(code: str) -> str:
    """A reason code as words."""
    return code.replace("_", " ") or "no reason given"


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
