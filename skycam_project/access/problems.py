"""EXCEPTIONS: the API's problems for the exceptions of sign-in and tokens."""

from __future__ import annotations

from core.api.exceptions import CHALLENGE
from core.api.problems import ExceptionTable, Problem
from skycam_project.access.services import Denied
from skycam_project.access.sign_in_limits import TooManyAttempts


def denied(error: Denied) -> Problem:
    return Problem("not-signed-in", str(error), headers={"WWW-Authenticate": CHALLENGE})


def too_many_attempts(error: TooManyAttempts) -> Problem:
    return Problem("rate-limited", str(error), headers={"Retry-After": str(error.wait_s)})


EXCEPTIONS: ExceptionTable = {Denied: denied, TooManyAttempts: too_many_attempts}
