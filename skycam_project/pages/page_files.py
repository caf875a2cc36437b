"""The files of the pages as they are served: templates without the indentation of their lines, and static files
without collectstatic, whose URLs contain a hash of the content, so browsers may cache them forever; and whether this
installation has them, for `monitoring.health.HEALTH`. Without them each page answers with an error."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template import Origin
from django.template.loaders.filesystem import Loader
from django.template.utils import get_app_template_dirs
from django.templatetags.static import static
from django.views.decorators.http import require_safe
from whitenoise.middleware import WhiteNoiseMiddleware

from core.findings import Finding

INDENTATION = re.compile(r"^ +", re.MULTILINE)


class UnindentedLoader(Loader):
    """Indentation helps those who read a template. In pages, which browsers fetch every two seconds, it would be a
    fifth of the bytes."""

    def get_contents(self, origin: Origin) -> str:
        # Only the template's own lines: values are inserted later and keep their spaces.
        return INDENTATION.sub("", str(super().get_contents(origin)))


IMMUTABLE = "public, max-age=31536000, immutable"
HASH_LENGTH = 12


class HashedStaticFilesStorage(StaticFilesStorage):
    def url(self, name: str | None) -> str:
        """`/static/css/base.css?v=0123456789ab`; without a hash for a file that is not found."""
        found = hash_of(str(name))
        return f"{super().url(name)}{f'?v={found}' if found else ''}"


@cache
def hash_of(name: str) -> str:
    """Computed once per process: a changed file needs a restart."""
    path = finders.find(name)
    return hashlib.sha256(Path(str(path)).read_bytes()).hexdigest()[:HASH_LENGTH] if path else ""


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """A URL with the right hash is immutable. One without, such as a module's import, is revalidated."""

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:
        """In one body: the event loop would read a streamed file piece by piece on another thread."""
        found = static_file.get_response(request.method, request.META)
        response = HttpResponse(content_of(found.file), status=int(found.status), headers=dict(found.headers))
        name = request.path_info.removeprefix("/static/")
        # A page from before an update asks with the old hash: the new content must not be cached under it. WhiteNoise
        # has found the file, so clients cannot fill the cache of hash_of() with other names.
        if request.GET.get("v") and request.GET["v"] == hash_of(name):
            response.headers["Cache-Control"] = IMMUTABLE
        return response


def content_of(file: BinaryIO | None) -> bytes:
    if file is None:
        return b""
    with file:
        return file.read()


@require_safe
def favicon(_request: HttpRequest) -> HttpResponse:
    """Browsers ask for it where there is no page with a link to the icon: beside a picture or JSON."""
    return redirect(static("img/skycam.svg"))


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
    return any((folder / name).is_file() for folder in template_folders())


def template_folders() -> Iterator[Path]:
    """Where templates are looked for. Not by Django's engine, which imports the tags of all apps: 0.5 s in processes
    that have no pages."""
    folders: Any = settings.TEMPLATES[0]["DIRS"]
    for folder in [*folders, *get_app_template_dirs("templates")]:
        yield Path(folder)
