"""Times in the configuration are numbers in the documented unit, or texts with their own."""

from __future__ import annotations

import pytest

SECONDS = "a number of seconds above 0, at most 3600, or a time with its unit such as 250 ms or 1/50 s"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("8", 8), ("0.25", 0.25), ("'8'", 8), ("1e-3", 0.001), ("8 s", 8), ("250 ms", 0.25), ("1/50 s", 0.02),
        ("1/100", 0.01),
    ],
)  # fmt: skip
def test_an_exposure_is_seconds_or_has_its_unit(configure, text, seconds):
    assert configure(f"camera: {{exposure_time: {text}}}").config.camera.exposure_time == seconds
    plain = text.strip("'")
    assert configure(SKYCAM_CAMERA__EXPOSURE_TIME=plain).config.camera.exposure_time == seconds


@pytest.mark.parametrize(("text", "seconds"), [("12", 12), ("12 s", 12), ("1 min 30 s", 90), ("0", 0)])
def test_durations_are_seconds_or_have_their_unit(configure, text, seconds):
    assert configure(f"camera: {{delay: {text}}}").config.camera.delay == seconds


def test_the_sensors_interval_may_have_a_unit_too(configure):
    assert configure("sensor: {sampling_interval: 500 ms}").config.sensor.sampling_interval == 0.5


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("20000", 20_000),
        ("20 ms", 20_000),
        ("1/50 s", 20_000),
        ("1/50", 20_000),
        ("20 µs", 20),
        ("100000.0", 100_000),
        ("99.6", 100),
    ],
)
def test_the_services_exposure_is_microseconds_or_has_its_unit(configure, text, microseconds):
    assert configure(f"service: {{default_exposure: {text}}}").config.service.default_exposure == microseconds
    assert configure(DEFAULT_EXPOSURE=text).config.service.default_exposure == microseconds


@pytest.mark.parametrize("text", ["soon", "8 parsecs", "1/0 s", "0 s", "2 h"])
def test_an_invalid_exposure_is_refused_with_what_is_allowed(problems, text):
    message = f"skycam.yaml:1: camera.exposure_time: '{text}' is not allowed; allowed is {SECONDS}."
    assert problems(f"camera: {{exposure_time: {text}}}") == [message]


def test_a_fraction_of_a_microsecond_is_refused_with_what_is_allowed(problems):
    (message,) = problems("service: {default_exposure: 0.5}")
    assert "default_exposure: 0.5 is not allowed; allowed is a whole number of microseconds" in message
    assert "a time with its unit such as 20 ms or 1/50 s" in message
