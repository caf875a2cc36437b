"""Requests to the API from within the station."""

from __future__ import annotations

from typing import Any

import pytest

from core.api import internal

PATH = "/api/v1/cameras/sky/capture/"


@pytest.fixture(autouse=True)
def with_tls(settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    internal.handler.cache_clear()


@pytest.mark.django_db
def test_it_is_refused_as_any_other_and_not_redirected() -> None:
    status, body = internal.post(PATH, {}, {"Authorization": "Token unknown"})
    assert (status, body["type"], body["instance"]) == (401, "/problems/not-signed-in", PATH)


def test_a_body_that_is_no_json_is_an_error() -> None:
    with pytest.raises(TypeError):
        internal.post(PATH, {"note": b""}, {})
