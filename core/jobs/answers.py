"""The answers about jobs. Django-free."""

from __future__ import annotations

from typing import Annotated, Any

from core.resources.fields import Fields, Rows
from core.resources.values import Column, Id
from core.times.timestamps import Stamp


class JobBody(Fields):
    """`total` is null while it is unknown. `arguments` and `result` are null, and `error` is empty, for users who may
    not see them."""

    id: Annotated[Id, Column("pk")]
    kind: str
    subject: str
    camera: str
    host: str
    state: str
    done: int
    total: int | None
    message: Annotated[str, Column("sentence")]
    attempts: int
    error: str
    arguments: dict[str, Any] | None
    result: dict[str, Any] | None
    requested_by: str
    cancel_requested: Annotated[bool, Column("has_cancel_request")]
    created: Annotated[Stamp, Column("created_at")]
    started: Annotated[Stamp | None, Column("started_at")]
    ended: Annotated[Stamp | None, Column("ended_at")]


class JobPage(Rows):
    results: list[JobBody]
