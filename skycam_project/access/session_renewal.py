"""Signs out a browser that was not used for `web.session_idle_s`; each use renews the session."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.db import DatabaseError
from django.http import HttpRequest
from django.http.response import HttpResponseBase

log = logging.getLogger(__name__)
RENEWED_AT = "renewed_at"
MAX_STEP_S = 3600.0


class SessionRenewalMiddleware:
    """Writes at most once an hour. A failed write is only logged: pages must work while the database cannot be written.
    An open page polls, so it counts as use."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if self._is_due(request):
            self._renew(request, response)
        return response

    def _is_due(self, request: HttpRequest) -> bool:
        session = request.session
        # `accessed` first: SESSION_KEY would load the session of a program that sent only a token. A modified session
        # is saved by Django's middleware, with a new expiry.
        if not session.accessed or session.modified or SESSION_KEY not in session:
            return False
        step_s = min(MAX_STEP_S, settings.SESSION_COOKIE_AGE / 10)
        # Negative after the clock was set back: then it is renewed too.
        return not 0 <= time.time() - session.get(RENEWED_AT, 0.0) < step_s

    def _renew(self, request: HttpRequest, response: HttpResponseBase) -> None:
        session = request.session
        session[RENEWED_AT] = time.time()
        try:
            session.save()
        # UpdateError: the session was ended meanwhile. Saving must not create it again.
        except (DatabaseError, UpdateError) as error:
            log.warning("A sign-in could not be renewed: %s", type(error).__name__)
        else:
            response.set_cookie(
                settings.SESSION_COOKIE_NAME,
                str(session.session_key),
                max_age=settings.SESSION_COOKIE_AGE,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        # Django's middleware, which runs after this one, would save it a second time, and answer 400 for a session that
        # ended.
        session.modified = False
