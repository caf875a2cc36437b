"""The notice of the tables that a transaction has written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from core.broker.notices import NoticeKind, publish_notice
from core.changes.gate import CHANNEL

MIGRATIONS = "django_migrations"
"""What a migration writes needs no notice: it runs before the parts do."""


class ChangedTables(TypedDict):
    tables: list[str]


CHANGED_TABLES: NoticeKind[ChangedTables] = NoticeKind(CHANNEL)


def announce(tables: Iterable[str]) -> None:
    """After the commit of the transaction that wrote them. Never waits and never fails."""
    names = sorted(tables)
    if names and MIGRATIONS not in names:
        publish_notice(CHANGED_TABLES, ChangedTables(tables=names))
