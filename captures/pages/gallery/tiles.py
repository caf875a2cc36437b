"""Captures as tiles, page by page, and how many there are. Each count walks an index and stops at MAX_COUNTED, so
that a night of a million captures costs as much as a night of five thousand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from captures.capturing.models import Capture, CaptureFile
from captures.sessions.models import SessionGap
from captures.thumbnails.store import PICTURE_KINDS
from core.api.paging import beyond
from core.api.queries import Cursor

PAGE = 60
MAX_GAPS = 200


@dataclass(frozen=True, slots=True)
class Tile:
    """`kind` is picture, planned, lost or gap. A lost tile represents `count` captures from `begin` to `end`."""

    kind: str
    begin: datetime
    end: datetime
    capture: Capture | None = None
    gap: SessionGap | None = None
    count: int = 1

    @property
    def source(self) -> Any:
        """The capture or gap that has the reason and the message."""
        return self.capture or self.gap

    @property
    def camera(self) -> Any:
        return self.capture.camera if self.capture else self.gap.session.camera if self.gap else None


@dataclass(frozen=True, slots=True)
class PageOfCaptures:
    """One page of captures, the oldest first, and the cursors to the neighbouring pages. `next_at`: when the first
    capture of the later page began."""

    captures: list[Capture]
    earlier: Cursor | None = None
    later: Cursor | None = None
    next_at: datetime | None = None

    def span(self, ends: tuple[datetime, datetime]) -> tuple[datetime, datetime]:
        """The part of the night that this page shows. It ends where the later page begins, so that each gap is on one
        of them."""
        begin = self.captures[0].started_at if self.earlier and self.captures else ends[0]
        return begin, self.next_at or ends[1]


def page_of_captures(
    captures: QuerySet[Capture], ends: tuple[datetime, datetime], start: datetime | None, cursor: Cursor | None
) -> PageOfCaptures:
    """The captures between `ends`: from the cursor, else from `start`, else from the beginning.

    The query has one condition for each end of the time: of two, the database may use the weaker one to search its
    index.
    """
    begin, end = ends
    if cursor is None:
        earlier = start is not None and between(captures, begin, start).exists()
        return _forward(between(captures, start or begin, end), before=earlier)
    # A cursor of another day, in an address that was edited: begin with the first page.
    if not begin <= cursor.at < end:
        return _forward(between(captures, begin, end), before=False)
    if cursor.newer:
        return _forward(beyond(captures.filter(started_at__lt=end), "started_at", cursor), before=True)
    return _backward(beyond(captures.filter(started_at__gte=begin), "started_at", cursor), cursor.at)


def between(captures: QuerySet[Capture], begin: datetime, end: datetime) -> QuerySet[Capture]:
    return captures.filter(started_at__gte=begin, started_at__lt=end)


def newest_page(captures: QuerySet[Capture]) -> PageOfCaptures:
    """The last page of a running night or day."""
    found = _backward(captures)
    return PageOfCaptures(found.captures, found.earlier)


def _forward(captures: QuerySet[Capture], *, before: bool) -> PageOfCaptures:
    # One row more than a page shows whether another page follows, without a count.
    found = list(captures.order_by("started_at", "id")[: PAGE + 1])
    shown = found[:PAGE]
    return PageOfCaptures(
        shown,
        _cursor(shown[0], newer=False) if before and shown else None,
        _cursor(shown[-1], newer=True) if len(found) > PAGE else None,
        found[PAGE].started_at if len(found) > PAGE else None,
    )


def _backward(captures: QuerySet[Capture], next_at: datetime | None = None) -> PageOfCaptures:
    found = list(captures.order_by("-started_at", "-id")[: PAGE + 1])
    shown = found[:PAGE][::-1]
    return PageOfCaptures(
        shown,
        _cursor(shown[0], newer=False) if len(found) > PAGE else None,
        _cursor(shown[-1], newer=True) if shown else None,
        next_at,
    )


def _cursor(capture: Capture, *, newer: bool) -> Cursor:
    return Cursor(capture.started_at, capture.pk, newer)


def tiles_of(captures: Iterable[Capture], gaps: Iterable[SessionGap], *, apart: bool = False) -> list[Tile]:
    """Consecutive captures lost for the same reason are one tile; with `apart` each has its own."""
    found = [*_captures(captures, apart=apart), *(Tile("gap", gap.from_at, gap.to_at, gap=gap) for gap in gaps)]
    return sorted(found, key=lambda tile: tile.begin)


def _captures(captures: Iterable[Capture], *, apart: bool) -> Iterator[Tile]:
    numbered = enumerate(captures)
    for (status, *_), group in groupby(numbered, key=lambda found: _run_key(*found, apart=apart)):
        run = [capture for _, capture in group]
        # A failed capture may have some of its files (incomplete): they are shown.
        if status in LOST and not run[0].files.all():
            yield Tile("lost", run[0].started_at, run[-1].started_at, run[0], count=len(run))
        else:
            kind = "planned" if status == "planned" else "picture"
            yield from (Tile(kind, capture.started_at, capture.started_at, capture) for capture in run)


def _run_key(number: int, capture: Capture, *, apart: bool) -> tuple[Any, ...]:
    """The key that captures of one run share; in a session their indexes must be consecutive."""
    # The same number for all captures of a run of consecutive indexes.
    follows = capture.index - number if capture.index is not None else None
    same = (capture.status, capture.camera_id, capture.session_id, capture.reason, bool(capture.files.all()), follows)
    return (*same, capture.pk) if apart else same


MAX_COUNTED = 5_000
LOST = ("failed", "skipped")
HAS_PICTURE = "EXISTS (SELECT 1 FROM {files} WHERE {files}.capture_id = {captures}.id AND {files}.kind IN ({kinds}))"


@dataclass(frozen=True, slots=True)
class CountQuery:
    """Captures from `begin` (inclusive) to `end` (exclusive). `cameras` None: all cameras; `statuses` empty: all
    statuses. `has_picture`: only captures with a file that can be rendered. Counting stops at `most`."""

    begin: datetime
    end: datetime
    cameras: Sequence[UUID] | None = None
    statuses: tuple[str, ...] = ()
    session: UUID | None = None
    simulated: bool | None = None
    has_picture: bool = False
    most: int | None = None

    def conditions(self) -> list[tuple[str, str, list[Any]]]:
        """Tuples of field, comparison and values."""
        found: list[tuple[str, str, list[Any]]] = [
            ("started_at", ">= %s", [self.begin]),
            ("started_at", "< %s", [self.end]),
            ("trashed_at", "IS NULL", []),
        ]
        if self.cameras is not None:
            found.append(("camera", f"IN ({placeholders(self.cameras)})", list(self.cameras)))
        if self.statuses:
            found.append(("status", f"IN ({placeholders(self.statuses)})", list(self.statuses)))
        if self.session is not None:
            found.append(("session", "= %s", [self.session]))
        if self.simulated is not None:
            found.append(("simulated", "= %s", [self.simulated]))
        return found

    @property
    def empty(self) -> bool:
        return self.cameras is not None and not self.cameras


def placeholders(values: Sequence[Any]) -> str:
    return ", ".join(["%s"] * len(values))


def count_captures(wanted: Sequence[CountQuery]) -> list[int]:
    """The count of each query, at most MAX_COUNTED."""
    return [int(value or 0) for value in _run_queries("COUNT(*)", "1", wanted)]


def total_exposure_us(wanted: CountQuery) -> int:
    """The sum of the captures' exposure times in microseconds, over at most MAX_COUNTED captures."""
    return int(_run_queries("SUM(exposure_us)", "exposure_us", [wanted])[0] or 0)


def _run_queries(expression: str, column: str, wanted: Sequence[CountQuery]) -> list[Any]:
    nonempty = [where for where in wanted if not where.empty]
    if not nonempty:
        return [0] * len(wanted)
    columns, values = [], []
    for where in nonempty:
        sql, given = _subquery(where, column)
        # PostgreSQL before 16 requires the alias.
        columns.append(f"(SELECT {expression} FROM ({sql}) AS counted)")  # noqa: S608 - no value in it
        values += given
    with connection.cursor() as cursor:
        # One statement, as a page has about a hundred counts.
        cursor.execute(f"SELECT {', '.join(columns)}", values)
        found = iter(cursor.fetchone())
    return [0 if where.empty else next(found) for where in wanted]


def _subquery(where: CountQuery, column: str) -> tuple[str, list[Any]]:
    """SQL and its parameters. Names come from the model; every value is a parameter."""
    conditions, values = [], []
    for name, comparison, given in where.conditions():
        field: Any = Capture._meta.get_field(name)
        conditions.append(f"{connection.ops.quote_name(field.column)} {comparison}")
        # As each database stores it: SQLite has a UUID as text.
        values += [field.get_db_prep_value(value, connection) for value in given]
    table = connection.ops.quote_name(Capture._meta.db_table)
    if where.has_picture:
        files = connection.ops.quote_name(CaptureFile._meta.db_table)
        conditions.append(HAS_PICTURE.format(files=files, captures=table, kinds=placeholders(PICTURE_KINDS)))
        values += PICTURE_KINDS
    sql = f"SELECT {column} FROM {table} WHERE {' AND '.join(conditions)}"  # noqa: S608 - no value in it
    return f"{sql} LIMIT {min(where.most or MAX_COUNTED, MAX_COUNTED)}", values
