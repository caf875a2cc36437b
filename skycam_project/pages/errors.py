"""Errors that Django handles outside API views: a problem under /api/, else a page."""

from __future__ import annotations

import sys

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import get_template
from django.views import defaults

from core import database_damage
from core.api.problems import ErrorBody, Problem, invalid, is_api
from core.outages import is_database_away


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not is_api(request.path):
        return defaults.bad_request(request, exception)
    if isinstance(exception, RequestDataTooBig):
        return Problem("too-large", "The body is too large.").response(request.path)
    return invalid([ErrorBody(field="", message="This request is refused: see ALLOWED_HOSTS.")]).response(request.path)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if not is_api(request.path):
        return defaults.page_not_found(request, exception)
    return Problem("not-found", "There is no such address. /api/v1/docs/ lists them.").response(request.path)


def server_error(request: HttpRequest) -> HttpResponseBase:
    if not is_api(request.path):
        # Django calls handler500 while it handles the exception.
        return database_down_page() if needs_database(sys.exception()) else defaults.server_error(request)
    return Problem("internal", "Something went wrong inside; the station's log says what.").response(request.path)


def needs_database(error: BaseException | None) -> bool:
    """Whether the page failed because the database is away, locked, read-only or damaged."""
    if error is None:
        return False
    return is_database_away(error) or database_damage.note_if_damage(error, "showed a page")


def database_down_page() -> HttpResponse:
    """A page that needs no database."""
    # Without a request: the context processors would read the user from the database.
    return HttpResponse(get_template("503.html").render(), status=503, headers={"Retry-After": "5"})
