"""Archives as JSON. Django-free."""

from __future__ import annotations

from typing import Annotated

from typing_extensions import TypedDict

from core.resources.fields import Fields, Rows
from core.resources.values import Column, Id
from core.times.timestamps import Stamp


class ArchiveFindingBody(TypedDict):
    """`what`: `missing`, `changed`, `mended`, `extra` (in no manifest), or `dead`: a copy at an off-site destination
    that is not tried again by itself."""

    path: str
    what: str
    message: str


class ArchiveFolderBody(Fields):
    """`path` is null for a user who is not a manager. `has_manifest`: that of the present revision. `found` counts what
    the last verification found here, and the dead off-site copies; `findings` names the first of these files."""

    host: str
    path: str | None
    has_manifest: bool
    verified: Annotated[Stamp | None, Column("verified_at")]
    extra: list[str]
    found: dict[str, int]
    findings: list[ArchiveFindingBody]


class ArchiveFacts(Fields):
    """What is the same for all who may see the archive."""

    id: Id
    experiment: Annotated[Id, Column("experiment_id")]
    name: Annotated[str, Column("experiment.name")]
    method: str
    folder: str
    state: str
    message: str
    revision: int
    requested: Annotated[Stamp, Column("requested_at")]
    requested_by: str
    completed: Annotated[Stamp | None, Column("completed_at")]
    verified: Annotated[Stamp | None, Column("verified_at")]
    verification: str


class ArchiveBody(ArchiveFacts):
    """`files` counts those of the cameras that the user may see, by state. `missing`: what the archive lacks. `remote`:
    the captures whose files stay with their cameras."""

    missing: list[str]
    remote: list[str]
    files: dict[str, int]
    bytes: int
    folders: list[ArchiveFolderBody]


class ArchivePage(Rows):
    results: list[ArchiveBody]


class ArchiveFileBody(Fields):
    path: str
    host: Annotated[str, Column("folder.host")]
    camera: Annotated[str, Column("camera.slug")]
    bytes: int
    sha256: str
    state: str
    message: str
    hard_link: Annotated[bool, Column("linked")]
    at: Stamp
    verified: Annotated[Stamp | None, Column("verified_at")]
    clip: Annotated[Id | None, Column("clip_id")]


class ArchiveFilePage(Rows):
    results: list[ArchiveFileBody]
