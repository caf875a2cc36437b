"""An invalid value is reported once, in words, with what is allowed."""

from __future__ import annotations

import pytest

from cameras.models import Camera
from tests.harness.rows.cameras import add_camera
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db
HAS = {"exposure_us": {"minimum": 20, "maximum": 2_000_000}, "gain": {"minimum": 0, "maximum": 24.0, "unit": "dB"}}


@pytest.fixture
def camera() -> Camera:
    """A camera that has reported its capabilities."""
    camera = add_camera(slug="sim", kind="simulated")
    camera.capabilities = {"settings": HAS}
    camera.save()
    return camera


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("gain=high", "gain: 'high' is not allowed; allowed is a number from 0 to 1000. This camera has 0 to 24 dB."),
        ("gain=-1", "gain: -1 is not allowed; allowed is a number from 0 to 1000. This camera has 0 to 24 dB."),
        ("gain=true", "gain: True is not allowed; allowed is a number from 0 to 1000."),
        ("exposure=1", "exposure: 1 has no unit. Write 1 s or 1 ms. exposure_us=1 is microseconds."),
        ("exposure=soon", "exposure: 'soon' is not an exposure. Write 8 s, 250 ms, 20 µs or 1/50 s."),
        ("exposure_us=soon", "exposure_us: 'soon' is not an exposure."),
        (
            "exposure_us=0",
            "a whole number of microseconds from 1 to 3600000000. This camera has 20 µs to 2 s.",
        ),
        ("gian=1", "gian: There is no such setting. Did you mean gain? This camera has: exposure_us, gain."),
        (
            "width=321",
            "321 is not allowed; allowed is a whole number of pixels from 320 to 3840, a multiple of 2.",
        ),
    ],
)
def test_an_invalid_setting_is_refused_with_what_is_allowed(setting: str, message: str, camera: Camera) -> None:
    found = skycam("cameras", "set", "sim", "--set", setting)
    assert found.exit_code == 2
    assert message in found.stderr
    assert found.stderr.count("\n") == 1


@pytest.mark.parametrize("text", ["exposure=1/50s", "exposure=20 ms", "exposure_us=20000", "exposure_us=20ms"])
def test_an_exposure_may_be_set_with_its_unit(text: str) -> None:
    assert answer("cameras", "add", "sim", "--kind", "simulated", "--set", text)["settings"] == {"exposure_us": 20_000}


def test_an_exposure_cannot_be_given_by_two_names(camera: Camera) -> None:
    found = skycam("cameras", "set", "sim", "--set", "exposure_us=1", "--set", "exposure=1s")
    assert found.exit_code == 2
    assert "one setting" in found.stderr


def test_an_unknown_kind_is_reported_once() -> None:
    found = skycam("cameras", "add", "foo", "--kind", "nikon")
    known = "gphoto2, network, opencv, pixelink, simulated, telescope"
    assert found.exit_code == 2
    assert found.stderr == f"skycam: kind: There is no kind 'nikon'; known are: {known}.\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--count", "0"], "--count: must be at least 1."),
        (["--gain", "-1"], "--gain: must be at least 0."),
        (["--f-number", "0"], "--f-number: must be above 0."),
        (["-d", "1", "--every", "12"], "Give --delay (from the end of one capture to the next start) or --every"),
        (["-d", "2 d"], "--delay: must be at most 86400."),
    ],
)
def test_errors_of_a_session_name_the_options(words: list[str], message: str, camera: Camera) -> None:
    found = skycam("start", "sim", *words)
    assert found.exit_code == 2
    assert message in found.stderr
