"""DRF's exception handler: makes problems of exceptions, by the tables of all apps (EXCEPTION_TABLES).

An exception that no table lists propagates, is logged, and becomes `internal` without any detail.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.http.response import HttpResponseBase
from rest_framework.views import set_rollback

from core.api.problems import ExceptionTable, Problem
from core.registry import resolve
from core.tables import EXCEPTION_TABLES


def problem_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponseBase | None:
    """None for an exception that no table lists, which then propagates and is logged."""
    problem = problem_of(error)
    if problem is None:
        return None
    set_rollback()
    return problem.response(context["request"].path)


def problem_of(error: Exception) -> Problem | None:
    """The problem for an exception, by the entry of its class, else of its nearest listed base; None without one."""
    table = merged_table()
    kind = next((kind for kind in type(error).__mro__ if kind in table), None)
    return table[kind](error) if kind is not None else None


@cache
def merged_table() -> ExceptionTable:
    """The entries of all tables. Each exception is listed once."""
    tables: list[ExceptionTable] = [resolve(path) for path in EXCEPTION_TABLES.values()]
    return {kind: entry for table in tables for kind, entry in table.items()}
