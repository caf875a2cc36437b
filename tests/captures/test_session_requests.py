"""The parameters of a session: its kind, and its windows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest
from django.utils import timezone
from pydantic import ValidationError

from cameras.models import Camera
from captures.sessions import requests
from captures.sessions.requests import SessionRequest
from core.times.timestamps import stamp

pytestmark = pytest.mark.django_db
NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)


class StoppedTime(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return NOW


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    monkeypatch.setattr(requests, "datetime", StoppedTime)


def hours(*pairs: tuple[float, float]) -> list[tuple[datetime, datetime]]:
    """From now."""
    return [(NOW + timedelta(hours=begin), NOW + timedelta(hours=end)) for begin, end in pairs]


def programme(camera: Camera, **given: Any) -> dict[str, Any]:
    return SessionRequest(**given).programme(camera)


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({"exposure_us": 1000}, {"exposure_us": 1000}),
        ({"kind": "burst", "burst": 20, "exposure_us": 10}, {"kind": "burst", "burst": 20, "exposure_us": 10}),
        ({"kind": "bracket", "exposures_us": [1, 10]}, {"kind": "bracket", "exposures_us": [1, 10]}),
        (
            {"kind": "bracket", "ev_steps": [-1, 1], "exposure_us": 1000},
            {"kind": "bracket", "ev_steps": [-1.0, 1.0], "exposure_us": 1000},
        ),
    ],
)
def test_the_programme_has_the_fields_of_its_kind(camera: Camera, given: Any, stored: Any) -> None:
    assert programme(camera, cadence_s=60.0, f_number=None, **given) == {**stored, "cadence_s": 60.0}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "bracket"}, "The kind bracket needs exposures_us or ev_steps."),
        ({"kind": "bracket", "exposures_us": [1, 2], "ev_steps": [0, 1]}, "needs exposures_us or ev_steps, not both."),
        ({"kind": "burst"}, "The kind burst needs burst."),
        ({"burst": 5}, "burst is for the kind burst; the kind is interval."),
        ({"kind": "burst", "burst": 5, "ev_steps": [0, 1]}, "ev_steps is for the kind bracket; the kind is burst."),
        ({"kind": "burst", "burst": 5, "exposure_us": 3_000_000, "cadence_s": 10}, "shorter than the exposures of one"),
        ({"kind": "bracket", "exposures_us": [9_000_000, 2_000_000], "cadence_s": 10}, "shorter than the exposures"),
        ({"windows": []}, "at least 1 item"),
        ({"windows": hours((2, 1))}, "Window 1 of windows ends before it begins."),
        ({"windows": hours((1, 3), (2, 4))}, "Window 2 of windows begins before the one before it ends."),
        ({"windows": hours((-3, -1))}, "The last of windows is over already."),
        ({"windows": hours((1, 2)), "until": NOW + timedelta(hours=3)}, "Give until or windows, not both."),
        ({"windows": hours((1, 200_000))}, "ten years"),
    ],
)
def test_a_request_that_contradicts_itself_is_refused_with_a_sentence(given: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SessionRequest(**given)


LIMITS = {"exposure_us": [50, 20_000_000]}


def test_automatic_exposure_is_a_part_of_the_programme(camera: Camera) -> None:
    stored = programme(camera, control={**LIMITS, "target": 0.3}, exposure_us=1000, cadence_s=60.0)
    assert stored["exposure_us"] == 1000
    assert stored["control"] == {
        "target": 0.3, "measure": "mean", "exposure_us": [50, 20_000_000], "order": ["exposure_us"], "damping": 0.3,
        "hysteresis_ev": 0.25,
    }  # fmt: skip


def test_fixed_exposure_is_the_default_and_is_not_stored(camera: Camera) -> None:
    assert "control" not in programme(camera)
    assert "control" not in programme(camera, control="fixed")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"control": "manual"}, "control"),
        ({"control": LIMITS, "cadence_s": 10.0}, "cadence_s is shorter than the exposure."),
        ({"control": LIMITS, "kind": "bracket", "ev_steps": [0, 2], "cadence_s": 60.0}, "exposures of one cycle"),
        ({"control": LIMITS, "kind": "bracket", "exposures_us": [1, 2]}, "give the bracket as ev_steps"),
    ],
)
def test_automatic_exposure_that_does_not_fit_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        SessionRequest(**given)


def test_windows_are_read_from_json(camera: Camera) -> None:
    pair = ["2030-01-01T20:00:00Z", "2030-01-02T04:00:00Z"]
    read = SessionRequest.model_validate(json.loads(json.dumps({"windows": [pair]})))
    assert read.programme(camera)["windows"] == [["2030-01-01T20:00:00.000Z", "2030-01-02T04:00:00.000Z"]]


def test_automatic_exposure_is_read_from_json(camera: Camera) -> None:
    given = {"control": {**LIMITS, "iso": [100, 3200], "f_number": [2, 8], "gain": None}}
    read = SessionRequest.model_validate(json.loads(json.dumps(given)))
    assert read.programme(camera)["control"]["iso"] == [100, 3200]


def test_a_window_that_has_begun_is_cut_to_what_is_left_of_it(camera: Camera) -> None:
    windows = programme(camera, windows=hours((-5, -4), (-1, 1), (2, 3)))["windows"]
    assert len(windows) == 2
    assert windows[0][0] == stamp(NOW)
    assert windows[1][1] == stamp(NOW + timedelta(hours=3))
