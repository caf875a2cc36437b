"""The filters of the pages of archives. They are in the address; invalid ones are left out."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from django.db.models import Q
from pydantic import Field

from cameras.camera_filter import CameraFilter
from captures.experiments.resource import MAX_NAME
from captures.recordings.clips.pages import Choice
from captures.storage.archives.models import ArchiveFileState, ArchiveState
from core.api.queries import PageQuery
from core.text.names import Line

VERIFICATIONS = {"whole": Q(verification="whole"), "faulty": Q(verification="faulty"), "never": Q(verification="")}


class ArchiveFilter(PageQuery):
    state: ArchiveState | None = None
    verification: Annotated[Literal["whole", "faulty", "never"] | None, Field(exclude=True)] = None
    search: Annotated[Annotated[Line, Field(max_length=MAX_NAME)] | None, Field(exclude=True)] = None

    def condition(self) -> Q:
        found = Q(**self.conditions()) & VERIFICATIONS.get(self.verification or "", Q())
        if self.search:
            found &= Q(experiment__name__icontains=self.search) | Q(folder__icontains=self.search)
        return found


class FileFilter(PageQuery):
    camera: CameraFilter = None
    kind: Annotated[Literal["clip", "capture"] | None, Field(exclude=True)] = None
    state: ArchiveFileState | None = None
    host: Annotated[Annotated[Line, Field(max_length=60)] | None, Field(exclude=True)] = None


def link_of(values: dict[str, Any]) -> str:
    """The query of an address, without what is empty."""
    return f"?{urlencode({name: value for name, value in values.items() if value})}"


def choices(chosen: dict[str, str], name: str, options: dict[str, str]) -> list[Choice]:
    """The options of a filter as links, the first of which is no filter."""
    return [
        Choice(label, link_of({**chosen, name: value}), chosen[name] == value)
        for value, label in {"": "All", **options}.items()
    ]
