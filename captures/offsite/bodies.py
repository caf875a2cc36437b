"""Destinations and copies as JSON. Secrets are never in it."""

from __future__ import annotations

from datetime import time
from typing import Any, TypedDict

from captures.offsite.models import Destination, DestinationHost, OffsiteCopy
from captures.offsite.selectors import backlog_of
from core.api.paging import Links
from core.times.timestamps import stamp, stamp_or_none


class BacklogBody(TypedDict):
    """`files` and `bytes` wait or are being sent; `oldest` is when the content of the oldest was captured."""

    files: int
    bytes: int
    oldest: str | None
    sending: int
    dead: int
    verified: int


class DestinationHostBody(TypedDict):
    """`error` is empty while the destination works for this host."""

    host: str
    failures: int
    failing_since: str | None
    retry: str | None
    error: str
    verified: str | None


class DestinationBody(TypedDict):
    """`has_secret`: whether one is stored. `bytes_per_s` is null without a limit, `begin` and `end` without hours."""

    id: str
    name: str
    kind: str
    settings: dict[str, Any]
    has_secret: bool
    host_key: str
    classes: list[str]
    cameras: list[str]
    enabled: bool
    keep_local: bool
    bytes_per_s: int | None
    begin: str | None
    end: str | None
    created_by: str
    created: str
    hosts: list[DestinationHostBody]
    backlog: BacklogBody


class CopyBody(TypedDict):
    """`file` is the id of the file's row in its `table`, which may be deleted by now."""

    id: str
    destination: str
    table: str
    file: str
    file_class: str
    host: str
    path: str
    bytes: int
    sha256: str
    at: str
    key: str
    state: str
    attempts: int
    damaged: int
    retry: str | None
    error: str
    verified: str | None
    verified_by: str
    created: str


class DestinationPage(TypedDict):
    results: list[DestinationBody]


class CopyPage(Links):
    results: list[CopyBody]


class RetriedBody(TypedDict):
    """How many copies were queued again."""

    copies: int


def destination_body(one: Destination) -> DestinationBody:
    return DestinationBody(
        id=str(one.pk), name=one.name, kind=one.kind, settings=one.settings, has_secret=bool(one.secret),
        host_key=one.host_key, classes=one.classes, cameras=sorted(camera.slug for camera in one.cameras.all()),
        enabled=one.enabled, keep_local=one.keep_local, bytes_per_s=one.bytes_per_s, begin=clock(one.begin),
        end=clock(one.end), created_by=one.created_by, created=stamp(one.created_at),
        hosts=[host_body(host) for host in one.hosts.all()], backlog=backlog_body(one),
    )  # fmt: skip


def host_body(one: DestinationHost) -> DestinationHostBody:
    return DestinationHostBody(
        host=one.host, failures=one.failures, failing_since=stamp_or_none(one.failing_since),
        retry=stamp_or_none(one.retry_at), error=one.error, verified=stamp_or_none(one.verified_at),
    )  # fmt: skip


def backlog_body(one: Destination) -> BacklogBody:
    found = backlog_of(one)
    return BacklogBody(
        files=found.files, bytes=found.bytes, oldest=stamp_or_none(found.oldest), sending=found.sending,
        dead=found.dead, verified=found.verified,
    )  # fmt: skip


def copy_body(one: OffsiteCopy) -> CopyBody:
    return CopyBody(
        id=str(one.pk), destination=str(one.destination_id), table=one.table, file=one.file,
        file_class=one.file_class, host=one.host, path=one.path, bytes=one.bytes, sha256=one.sha256, at=stamp(one.at),
        key=one.key, state=one.state, attempts=one.attempts, damaged=one.damaged,
        retry=stamp(one.retry_at) if one.state == OffsiteCopy.State.QUEUED else None, error=one.error,
        verified=stamp_or_none(one.verified_at), verified_by=one.verified_by, created=stamp(one.created_at),
    )  # fmt: skip


def clock(at: time | None) -> str | None:
    return at.strftime("%H:%M") if at else None
