"""The responses for problems of the station."""

from __future__ import annotations

import json

import pytest

from cameras.errors import ControlError, HostDown
from cameras.models import Camera
from captures.pixelink_service.errors import response_for

HOLDER = "scope is held by anna since 10:12. Ask her, or take it over."


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (HostDown("The camera host does not answer."), 503, "Camera not connected"),
        (ControlError("scope is disconnected."), 503, "Camera not connected"),
        (Camera.DoesNotExist(), 503, "Camera not connected"),
        (ControlError(HOLDER, "held"), 503, HOLDER),
        (ControlError("No answer yet.", "too-slow"), 504, "No answer yet."),
        (ControlError("The disk is full.", "disk-full"), 507, "The disk is full."),
    ],
)
def test_a_problem_has_the_form_that_existing_clients_expect(error: Exception, status: int, detail: str) -> None:
    answer = response_for(error)
    assert answer is not None
    assert answer.status_code == status
    assert json.loads(answer.content)["detail"] == detail


def test_an_unknown_exception_has_no_response() -> None:
    assert response_for(KeyError("x")) is None
