"""EXCEPTIONS: the API's problems for the exceptions of hosts and invitations."""

from __future__ import annotations

from core.api.problems import ErrorBody, ExceptionTable, Problem, from_message, invalid
from skycam_project.hosts.admission import JoinRefused, TooManyJoins
from skycam_project.hosts.invitations import HostRefused
from skycam_project.hosts.shared import NotShareable


def join_refused(error: JoinRefused) -> Problem:
    return Problem(error.problem, str(error), is_expected=True)


def too_many_joins(error: TooManyJoins) -> Problem:
    return Problem("rate-limited", str(error), headers={"Retry-After": str(error.wait_s)})


def not_shareable(error: NotShareable) -> Problem:
    return invalid([ErrorBody(field="", message=message) for message in error.problems])


EXCEPTIONS: ExceptionTable = {
    HostRefused: from_message("host-refused"),
    JoinRefused: join_refused,
    NotShareable: not_shareable,
    TooManyJoins: too_many_joins,
}
