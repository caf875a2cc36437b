"""Values out of the served camera's range, and values that it has not applied yet."""

from __future__ import annotations

import pytest

from cameras.models import Camera
from captures.pixelink_service.served_camera import not_yet_applied, within_ranges
from tests.harness.stations.station import Station

RANGES = {"settings": {"exposure_us": {"minimum": 20, "maximum": 2_000_000}, "gain": {"minimum": 1, "maximum": 16}}}


def a_camera(**fields: object) -> Camera:
    return Camera(slug="scope", capabilities=RANGES, **fields)


def test_a_value_within_the_ranges_has_no_warning() -> None:
    wanted = {"exposure_us": 20, "gain": 16.0}
    assert within_ranges(a_camera(), wanted) == (wanted, [])


def test_a_value_out_of_range_is_dropped_with_a_warning_that_has_units() -> None:
    camera = a_camera(read_back={"exposure_us": 20, "gain": 2.0})
    accepted, sentences = within_ranges(camera, {"exposure_us": 600_000_000, "gain": 1.5})
    assert accepted == {"gain": 1.5}
    assert sentences == ["The camera keeps its exposure of 20 µs (it takes 20 µs to 2 s); 600 s was requested."]


@pytest.mark.parametrize(
    ("limits", "exposure_us", "taken"),
    [({"minimum": 20, "maximum": None}, 10, "at least 20 µs"), ({"maximum": 2_000_000}, 3_000_000, "at most 2 s")],
)
def test_a_range_may_have_one_end(limits: dict[str, int | None], exposure_us: int, taken: str) -> None:
    camera = Camera(slug="scope", capabilities={"settings": {"exposure_us": limits}})
    accepted, (warning,) = within_ranges(camera, {"exposure_us": exposure_us})
    assert accepted == {}
    assert f"its exposure (it takes {taken});" in warning


def test_unknown_ranges_limit_nothing() -> None:
    assert within_ranges(Camera(slug="new"), {"gain": 900.0}) == ({"gain": 900.0}, [])


def test_a_setting_that_is_not_read_back_yet_is_sent_with_the_capture() -> None:
    camera = a_camera(settings={"exposure_us": 20_000, "gain": 2.0}, read_back={"exposure_us": 10_000, "gain": 2.0})
    assert not_yet_applied(camera) == {"exposure_us": 20_000}


def test_a_setting_that_was_changed_on_the_body_is_not_sent() -> None:
    changed = {"name": "gain", "wished": 2.0, "has": 4.0}
    camera = a_camera(settings={"gain": 2.0}, read_back={"gain": 4.0}, differs=[changed])
    assert not_yet_applied(camera) == {}


def test_an_exposure_beyond_the_simulated_camera_keeps_its_own_and_is_answered_in_time(station: Station) -> None:
    assert station.service.request("PUT", "/settings", {"exposure": 5000, "gain": 1.0}).status == 200
    captured = station.service.capture(exposure=3_000_000_000)
    assert captured.status == 200
    assert captured.body["exposureTime"] == 5000
    assert captured.body["warning"] == (
        "The camera keeps its exposure of 5 ms (it takes 20 µs to 600 s); 3000 s was requested."
    )
    changed = station.service.request("PUT", "/settings", {"exposure": 3_000_000_000})
    assert changed.status == 200
    assert changed.body["exposure"] == 5000
    assert "keeps its exposure" in changed.body["warning"]
    assert station.service.capture().body["exposureTime"] == 5000
