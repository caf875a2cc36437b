"""`skycam start`: kinds, begin and automatic exposure, as a dry run."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cameras.drivers.base import SystemClock
from cameras.drivers.simulated.driver import SimulatedDriver
from cameras.exposure.settings import mask_grid
from skycam_project.cli.programme_options import session_request
from tests.harness.rows.cameras import add_camera
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def camera() -> Any:
    return add_camera(slug="sim", kind="simulated")


def sentence(*options: str) -> str:
    return str(answer("start", "sim", *options, "--dry-run")["sentence"])


def refusal(*options: str) -> str:
    found = skycam("start", "sim", *options, "--dry-run")
    assert found.exit_code == 2
    assert found.stdout == ""
    return found.stderr


def test_a_bracket_of_times_and_one_of_steps() -> None:
    assert sentence("--bracket", "1ms,10ms,0.1", "--every", "60").startswith("1 ms, 10 ms, 100 ms every 60 s")
    assert sentence("--bracket", "-2,0,2EV", "-e", "1s", "--every", "60").startswith("250 ms, 1 s, 4 s every 60 s")


def test_a_burst() -> None:
    assert sentence("--burst", "20", "-e", "10ms", "--every", "10min").startswith("20 x 10 ms every 10 min")


def test_a_begin_and_an_end() -> None:
    body = answer("start", "sim", "--from", "1h", "--until", "2h", "-e", "1s", "--every", "60", "--dry-run")
    assert body["pictures"] in (60, 61)


def test_the_longest_automatic_exposure_limits_the_time_from_start_to_start() -> None:
    assert sentence("--auto", "1ms-2s", "--every", "4").startswith("1 ms to 2 s automatic every 4 s")


def test_automatic_exposure() -> None:
    words = sentence("--auto", "50us-20s", "--iso-limits", "100-3200", "--target", "0.3", "--every", "60")
    assert words.startswith("50 µs to 20 s automatic (ISO 100 to 3200) every 60 s")


def test_the_mask_of_automatic_exposure_is_the_white_part_of_a_picture(tmp_path: Path) -> None:
    picture = Image.new("L", (640, 480))
    picture.paste(255, (0, 0, 320, 480))
    picture.save(tmp_path / "mask.png")
    request = session_request(None, None, 60.0, auto=[50, 1000], mask=tmp_path / "mask.png")
    grid = mask_grid(request.control.mask)
    assert grid[:, :32].all()
    assert not grid[:, 32:].any()


def test_a_time_of_day_after_the_begin_may_be_that_of_the_next_day() -> None:
    # Both are the next ones by the clock, and until would come before from.
    hours = [f"{datetime.now().astimezone() + timedelta(hours=hours):%H:%M}" for hours in (20, 4)]
    body = answer("start", "sim", "--from", hours[0], "--until", hours[1], "-e", "1s", "--every", "60", "--dry-run")
    assert timedelta(hours=26) < datetime.fromisoformat(body["ends"]) - datetime.now(UTC) < timedelta(hours=30)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--bracket", "1ms,soon"], "Write exposures such as 1ms,10ms,100ms, or steps such as -2,0,2EV."),
        (["--bracket", "1,2EV", "--burst", "5"], "Give --bracket or --burst, not both."),
        (["--bracket", "1ms"], "--bracket: "),
        (["--burst", "1"], "--burst: "),
        (["--from", "20:00"], "--from needs --until"),
        (["--from", "3h", "--until", "2h"], "Window 1 of windows ends before it begins."),
        (["--auto", "20s"], "'20s' is not a pair of limits. Write them such as 50us-20s."),
        (["--auto", "20s-50us"], "--auto: must be [minimum, maximum]"),
        (["--auto", "50us-20s", "--iso-limits", "0-100"], "--iso-limits: must be [minimum, maximum]"),
        (["--auto", "50us-20s", "--every", "10"], "--every: 10 s is shorter than the exposure of 20 s."),
        (["--target", "0.4"], "--target needs --auto, such as --auto 50us-20s."),
        (["--auto", "50us-20s", "--target", "2"], "--target: "),
        (["--auto", "50us-20s", "--mask", "pyproject.toml"], "--mask: "),
    ],
)
def test_a_wrong_option_is_refused_with_a_sentence(
    options: list[str], message: str, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    monkeypatch.chdir(pytestconfig.rootpath)
    assert message in refusal(*options)


def opened(camera: Any) -> None:
    """The camera was opened: its options are known."""
    camera.capabilities = asdict(SimulatedDriver("", SystemClock()).capabilities())
    camera.save()


def test_an_option_of_the_camera(camera: Any) -> None:
    opened(camera)
    assert sentence("--option", "shutter=no").startswith("8 s")
    assert "Give true or false." in refusal("--option", "shutter=perhaps")
    assert "options.mirror: There is no such option." in refusal("--option", "mirror=up")
    assert "'shutter' is not NAME=VALUE." in refusal("--option", "shutter")


def test_the_options_of_a_camera_are_shown(camera: Any) -> None:
    opened(camera)
    shown = skycam("cameras", "show", "sim").stdout
    assert re.search(r"shutter +boolean +- +yes", shown)
