"""Whether this installation has the files of its pages, for `monitoring.health.HEALTH`. Without them each page answers
with an error."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.template import Engine

from core.findings import Finding

NAMED = re.compile(r"""\{% *(extends|include|static) +["']([^"']+)["']""")
NEEDED = {("extends", "base.html"), ("extends", "500.html"), ("extends", "503.html")}
"""Files that no template has to name."""
SHOWN = 3


def page_problems() -> list[Finding]:
    """A finding if files are missing."""
    missing = missing_files()
    if not missing:
        return []
    more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
    sentence = f"Files of the pages are missing: {', '.join(missing[:SHOWN])}{more}. The installation is incomplete."
    return [Finding(f"{sentence} Install Skycam again, then restart the station.")]


@functools.cache
def missing_files() -> tuple[str, ...]:
    """The templates and static files that templates name and that are not found. Determined once in a process: an
    installation does not change below a running station."""
    return tuple(sorted(name for tag, name in NEEDED | set(named_files()) if not is_found(tag, name)))


def named_files() -> Iterator[tuple[str, str]]:
    """The tag that names a file, and its name."""
    folders: Any = settings.TEMPLATES[0]["DIRS"]
    for folder in folders:
        for template in Path(folder).rglob("*.html"):
            yield from NAMED.findall(template.read_text(encoding="utf-8"))


def is_found(tag: str, name: str) -> bool:
    if tag == "static":
        return finders.find(name) is not None
    origins = (
        origin for loader in Engine.get_default().template_loaders for origin in loader.get_template_sources(name)
    )
    return any(Path(origin.name).is_file() for origin in origins)
