"""Makes problems of exceptions, by the tables of all apps (EXCEPTION_TABLES); the table here is that of Django, DRF,
pydantic and core. An exception that no table lists propagates, is logged, and becomes `internal` without any
detail."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pydantic
from django.conf import settings
from django.core import exceptions as django_errors
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import Http404
from django.http.response import HttpResponseBase
from rest_framework import exceptions as drf_errors
from rest_framework.views import set_rollback

from core import database_damage, database_move
from core.api.model import describe_error
from core.api.problems import ErrorBody, ExceptionTable, Problem, invalid
from core.limits.refusals import TooManyWaiting
from core.outages import is_read_only
from core.registry import resolve
from core.tables import EXCEPTION_TABLES

CHALLENGE = 'Token realm="Skycam"'


def validation_failed(error: pydantic.ValidationError) -> Problem:
    # Without the input, which may be a password.
    found = error.errors(include_url=False, include_input=False)
    return invalid([ErrorBody(field=".".join(map(str, item["loc"])), message=message_of(item)) for item in found])


def message_of(item: Any) -> str:
    """`must be at least 1.`, `The body must be an object.`, or the sentence of a rule of ours."""
    words = describe_error(item)
    return words if item["loc"] or item["type"] == "value_error" else f"The body {words}"


def model_validation_failed(error: django_errors.ValidationError) -> Problem:
    if not hasattr(error, "error_dict"):
        return invalid([ErrorBody(field="", message=message) for message in error.messages])
    fields = {("" if name == "__all__" else name): messages for name, messages in error.message_dict.items()}
    return invalid([ErrorBody(field=name, message=text) for name, messages in fields.items() for text in messages])


def parsing_failed(error: drf_errors.ParseError) -> Problem:
    return invalid([ErrorBody(field="", message=str(error.detail))])


def unsupported_media_type(_: drf_errors.UnsupportedMediaType) -> Problem:
    return Problem("unsupported-media-type", "Send the body as application/json.")


def not_authenticated(error: drf_errors.NotAuthenticated) -> Problem:
    detail = "Sign in, or send `Authorization: Token ...`; POST /api/v1/auth/token/ gives one."
    return Problem("not-signed-in", detail, headers=_challenge(error))


def authentication_failed(error: drf_errors.AuthenticationFailed) -> Problem:
    return Problem("not-signed-in", str(error.detail), headers=_challenge(error))


def _challenge(error: Any) -> dict[str, str]:
    return {"WWW-Authenticate": getattr(error, "auth_header", CHALLENGE)}


def permission_denied(error: Exception) -> Problem:
    return Problem("forbidden", str(error) or "You may not do this.")


def throttled(error: drf_errors.Throttled) -> Problem:
    # Rounded up: a client that waits exactly as long must not be refused again.
    wait = int(getattr(error, "wait", None) or 60) + 1
    return Problem("rate-limited", f"Too many requests. Wait {wait} s.", headers={"Retry-After": str(wait)})


def too_many_waiting(error: TooManyWaiting) -> Problem:
    return Problem("rate-limited", str(error), headers={"Retry-After": str(error.retry_s)})


def not_found(_: Exception) -> Problem:
    return Problem("not-found", "There is nothing here, or nothing that you may see.")


def method_not_allowed(error: drf_errors.MethodNotAllowed) -> Problem:
    return Problem("method-not-allowed", str(error.detail))


def database_down(_: Exception) -> Problem:
    reason = "The station's database is locked, read-only or away. Nothing was changed. Running sessions continue."
    if database_move.is_being_moved(settings.STATION.data):
        reason = database_move.SENTENCE
    return Problem(
        "database-down",
        f"{reason} Try again soon.",
        headers={"Retry-After": "5"},
    )


def database_error(error: DatabaseError) -> Problem | None:
    """Only damage, and a database that is read-only: any other one, such as a violated constraint, is a fault of the
    code."""
    if is_read_only(error):
        return database_down(error)
    if not database_damage.note_if_damage(error, "answered a request"):
        return None
    return Problem(
        "database-down", f"{database_damage.sentence(str(error))} Nothing was changed. Running sessions continue."
    )


EXCEPTIONS: ExceptionTable = {
    pydantic.ValidationError: validation_failed,
    django_errors.ValidationError: model_validation_failed,
    drf_errors.ParseError: parsing_failed,
    drf_errors.UnsupportedMediaType: unsupported_media_type,
    drf_errors.NotAuthenticated: not_authenticated,
    drf_errors.AuthenticationFailed: authentication_failed,
    drf_errors.PermissionDenied: permission_denied,
    django_errors.PermissionDenied: permission_denied,
    drf_errors.Throttled: throttled,
    TooManyWaiting: too_many_waiting,
    drf_errors.NotFound: not_found,
    Http404: not_found,
    django_errors.ObjectDoesNotExist: not_found,
    drf_errors.MethodNotAllowed: method_not_allowed,
    DatabaseError: database_error,
    OperationalError: database_down,
    InterfaceError: database_down,
}


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
