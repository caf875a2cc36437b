"""What templates show of captures."""

from __future__ import annotations

from pathlib import PurePosixPath

from django import template

from captures.bodies import file_body
from captures.models import Capture

register = template.Library()
SHOWN = frozenset({".jpg", ".jpeg", ".png"})
"""What a browser shows by itself."""


@register.filter
def picture(capture: Capture | None) -> str:
    """The address of a picture of the capture that a browser can show; empty without one."""
    for file in capture.files.all() if capture else ():
        if PurePosixPath(file.path).suffix.lower() in SHOWN:
            return file_body(file)["url"]
    return ""


@register.filter
def filename(capture: Capture) -> str:
    files = capture.files.all()
    return PurePosixPath(files[0].path).name if files else ""


@register.filter
def original(capture: Capture) -> str:
    """The address of the primary file; empty without one."""
    files = capture.files.all()
    return file_body(files[0])["url"] if files else ""
