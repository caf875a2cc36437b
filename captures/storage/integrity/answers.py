"""The answers about findings. Django-free."""

from __future__ import annotations

from typing import Annotated

from core.resources.fields import Fields, Rows
from core.resources.values import Column, Id
from core.times.moments import Stamp


class FindingBody(Fields):
    """`camera` is null for a file in the folder of no camera. `target` is where a file was set aside, in its root."""

    id: Annotated[Id, Column("pk")]
    kind: str
    state: str
    host: str
    root: Annotated[str, Column("root_path")]
    camera: Annotated[str | None, Column("camera_slug")]
    path: str
    bytes: int | None
    expected_bytes: int | None
    message: str
    found: Annotated[Stamp, Column("found_at")]
    target: str
    decided_by: str


class FindingPage(Rows):
    results: list[FindingBody]
