"""Windows, kinds and automatic exposure in the request that starts a session, as a dry run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cameras.models import Camera

URL = "/api/v1/cameras/sky/start/"


def window(begin_h: float, end_h: float) -> list[str]:
    now = datetime.now(UTC)
    return [(now + timedelta(hours=hours)).isoformat() for hours in (begin_h, end_h)]


def test_two_windows_are_forecast(operator: Any, camera: Camera) -> None:
    body = {"dry_run": True, "cadence_s": 60, "windows": [window(1, 2), window(5, 6)]}
    assert operator.post(URL, body).json()["pictures"] == 122


def test_a_bracket_is_forecast(operator: Any, camera: Camera) -> None:
    body = {"dry_run": True, "cadence_s": 60, "kind": "bracket", "exposures_us": [1000, 2000]}
    assert operator.post(URL, body).json()["exposures_us"] == [1000, 2000]


def test_automatic_exposure_is_forecast(operator: Any, camera: Camera) -> None:
    body = {"dry_run": True, "cadence_s": 60, "control": {"exposure_us": [50, 20_000_000], "iso": [100, 3200]}}
    assert "50 µs to 20 s automatic (ISO 100 to 3200) every 60 s" in operator.post(URL, body).json()["sentence"]


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({"kind": "burst"}, "", "The kind burst needs burst."),
        ({"windows": [["20:00", "21:00"]]}, "windows.0.0", "must be a time."),
        ({"windows": [["2049-01-01T02:00:00Z", "2049-01-01T01:00:00Z"]]}, "", "ends before it begins"),
        ({"windows": "tonight"}, "windows", "list"),
        ({"control": {"exposure_us": [50]}}, "control", "[minimum, maximum]"),
        ({"control": {"exposure_us": [50, 100], "mask": "x"}}, "control", "mask"),
        ({"exposures_us": [1000, True]}, "exposures_us", "number"),
    ],
)
def test_what_is_wrong_is_named(operator: Any, camera: Camera, body: Any, field: str, message: str) -> None:
    answer = operator.post(URL, {"dry_run": True, **body})
    assert answer.status_code == 400
    errors = answer.json()["errors"]
    assert any(error["field"].startswith(field) and message in str(error) for error in errors)
