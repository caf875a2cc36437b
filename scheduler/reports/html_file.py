"""The report of a night as one HTML file that refers to nothing: styles, icons and thumbnails are inside."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from uuid import UUID

from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from scheduler.reports.drawing import report_context
from scheduler.reports.report import Report
from scheduler.reports.thumbnails import Thumb, stored_thumbnail

STYLES = ("tokens", "base", "components", "nights", "night-report", "night-report-file")
ICONS = ("ok", "warn", "bad", "wait", "skip", "off", "moon")
MOST_PICTURE_BYTES = 2_200_000
"""Of all thumbnails; as base64 they are a third larger."""
FONT_FACE = re.compile(r"@font-face\s*\{[^}]*\}")
OUTSIDE = re.compile(r"[^{};]*url\(\"?(?!#)[^;]*;")
"""A declaration with a file, such as a mask."""
SYMBOL = r'<symbol id="{}".*?</symbol>'


def render_report(report: Report, thumbnail_of: Callable[[Thumb], bytes | None] = stored_thumbnail) -> str:
    pictures, missing = _pictures(report, thumbnail_of)
    context = {
        **report_context(report),
        "pictures": pictures,
        "missing": missing,
        "is_file": True,
        # Whole: the policy has the hash of what is inside, and a template may be indented.
        "styles": format_html("<style>{}</style>", style_sheet()),
        "symbols": symbols(),
        "policy": policy(),
    }
    return render_to_string("nights/report_file.html", context)


def _pictures(report: Report, thumbnail_of: Callable[[Thumb], bytes | None]) -> tuple[dict[UUID, str], int]:
    """The thumbnails as data URIs, as far as they fit, and the number of those that are missing."""
    found, size, missing = dict[UUID, str](), 0, 0
    # The first of each camera, then the second: if they do not all fit, each camera has some.
    strips = [one.thumbs for one in report.cameras]
    for place in range(max(map(len, strips), default=0)):
        for strip in strips:
            if place >= len(strip):
                continue
            jpeg = thumbnail_of(strip[place])
            if jpeg is None or size + len(jpeg) > MOST_PICTURE_BYTES:
                missing += 1
                continue
            size += len(jpeg)
            found[strip[place].capture] = f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
    return found, missing


@cache
def style_sheet() -> SafeString:
    """The styles of the pages that the report uses, without what they load from the station."""
    text = "\n".join(_static(f"css/{name}.css") for name in STYLES)
    text = OUTSIDE.sub("", FONT_FACE.sub("", text))
    # A style element ends at the first "</", and these are our own files.
    return mark_safe(f"\n{text}\n")  # noqa: S308 - no text of a user in it


@cache
def symbols() -> SafeString:
    sprite = _static("img/icons.svg")
    found = [re.search(SYMBOL.format(name), sprite, re.DOTALL) for name in ICONS]
    return mark_safe("".join(match[0] for match in found if match))  # noqa: S308 - no text of a user in it


@cache
def policy() -> str:
    """No script, no request, and only this style sheet."""
    digest = base64.b64encode(hashlib.sha256(style_sheet().encode()).digest()).decode()
    return f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _static(name: str) -> str:
    found = finders.find(name)
    if not isinstance(found, str):
        raise FileNotFoundError(name)
    return Path(found).read_text()
