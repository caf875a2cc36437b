"""Names of cameras, commands and times on the command line, and suggestions for mistyped ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cameras.models import Camera, CameraHost
from core.text.sentences import similar_words
from core.times.sun import sun_altitude
from tests.harness.rows.cameras import add_camera
from tests.harness.stations.command_line import answer, run, skycam

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def two_cameras() -> None:
    add_camera(slug="sky", kind="simulated", name="All-sky")
    add_camera(slug="dslr", kind="simulated", name="DSLR")


MILLISECOND = timedelta(milliseconds=1)
NAMED = [["dslr"], ["--camera", "dslr"], ["-c", "dslr"], ["--camera=dslr"], ["dslr", "--camera", "dslr"]]
TAKING_ONE = [
    ["connect"], ["disconnect"], ["take"], ["release"], ["capture"], ["start"], ["stop"], ["cameras", "set"],
    ["settings", "show"], ["settings", "adopt"], ["settings", "presets", "list"], ["cameras", "faults"],
    ["cameras", "remove"], ["sessions", "list"], ["record", "start"], ["record", "stop"], ["record", "status"],
]  # fmt: skip


@pytest.mark.parametrize("command", TAKING_ONE, ids=" ".join)
@pytest.mark.parametrize("camera", [["nosuch"], ["--camera", "nosuch"], ["-c", "nosuch"]], ids=" ".join)
def test_every_command_accepts_a_camera_as_an_argument_and_as_an_option(command: list[str], camera: list[str]) -> None:
    more = ["--name", "x"] if command[-1] == "set" else []
    assert "There is no camera" in skycam(*command, *camera, *more).stderr


@pytest.mark.parametrize("camera", NAMED, ids=" ".join)
def test_each_way_names_the_same_camera(camera: list[str]) -> None:
    assert answer("take", *camera)["camera"] == "dslr"


def test_the_primary_camera_is_the_default() -> None:
    assert answer("take")["camera"] == "sky"


def test_options_may_precede_or_follow_the_camera() -> None:
    assert answer("take", "--for", "5 min", "dslr")["camera"] == "dslr"
    assert answer("take", "dslr", "--for", "300")["camera"] == "dslr"


def test_two_different_cameras_are_a_usage_error() -> None:
    found = skycam("take", "sky", "--camera", "dslr")
    assert found.exit_code == 2
    assert "Two cameras are given: sky, and dslr with --camera." in found.stderr


@pytest.mark.parametrize("words", [["dslr", "Night"], ["--camera", "dslr", "Night"], ["Night", "-c", "dslr"]])
def test_a_camera_may_be_named_either_way_beside_another_argument(words: list[str]) -> None:
    assert skycam("settings", "presets", "save", *words, "--set", "gain=2").exit_code == 0
    assert answer("settings", "presets", "list", "dslr")["results"][0]["name"] == "Night"


def test_a_missing_camera_argument_is_a_usage_error() -> None:
    found = skycam("cameras", "remove")
    assert found.exit_code == 2
    assert "Which camera? Write `skycam cameras remove CAMERA`" in found.stderr
    assert Camera.objects.present().count() == 2


def test_a_mistyped_camera_gets_a_suggestion() -> None:
    assert "There is no camera dlsr. Did you mean dslr?" in skycam("capture", "dlsr").stderr


def test_the_old_short_name_of_the_configuration_is_explained(tmp_path: Path) -> None:
    for words in (["-c", "station.yaml", "config", "check"], ["config", "check", "-c", "station.yaml"]):
        found = run(tmp_path / "data", *words)
        assert found.status == 2
        assert "The configuration file is `--config FILE`; `-c` names a camera" in found.stderr
    assert "The configuration file is `--config station.yaml`." in skycam("capture", "-c", "station.yaml").stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["conect"], "No such command 'conect'. Did you mean connect?"),
        (["statsu"], "Did you mean status?"),
        (["rec"], "Did you mean record?"),
        (["cameras", "lst"], "Did you mean list?"),
        (["capture", "--exposrue", "1"], "There is no option --exposrue. Did you mean --exposure?"),
    ],
)
def test_a_typing_error_gets_a_suggestion(words: list[str], message: str) -> None:
    found = skycam(*words)
    assert found.exit_code == 2
    assert message in found.stderr


@pytest.mark.parametrize("words", [["cameras", "rename"], ["dance"], ["capture", "--every", "2"], ["settings", "drop"]])
def test_a_different_word_gets_no_suggestion(words: list[str]) -> None:
    found = skycam(*words)
    assert found.exit_code == 2
    assert "Did you mean" not in found.stderr


def test_missing_extra_replaced_or_swapped_letters_are_typing_errors() -> None:
    known = ["connect", "disconnect", "capture", "cameras", "remove"]
    found = [
        similar_words(word, known) for word in ("conect", "connectt", "comnect", "conncet", "dissconect", "rename")
    ]
    assert found == [["connect"], ["connect"], ["connect"], ["connect"], ["disconnect"], []]


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_help_is_printed_on_stdout(words: list[str], tmp_path: Path) -> None:
    found = run(tmp_path / "data", *words)
    assert found.status == 0
    assert found.stderr == ""
    assert found.stdout.startswith("Usage: skycam [OPTIONS] COMMAND")
    assert "connect" in found.stdout


def test_a_group_alone_shows_its_commands() -> None:
    found = skycam("cameras")
    assert found.exit_code == 0
    assert found.stderr == ""
    assert "detect" in found.stdout


def test_help_of_a_command_is_specific_to_it() -> None:
    assert skycam("help", "cameras", "set").stdout == skycam("cameras", "set", "--help").stdout
    assert "skycam cameras set [OPTIONS] CAMERA" in skycam("help", "cameras", "set").stdout


def test_help_for_a_command_that_does_not_exist_is_a_usage_error() -> None:
    assert skycam("help", "conect").exit_code == 2
    assert skycam("help", "capture", "more").exit_code == 2
    assert "Did you mean connect?" in skycam("help", "conect").stderr


def test_the_version_is_printed(tmp_path: Path) -> None:
    found = [run(tmp_path / "data", "version"), run(tmp_path / "data", "--version")]
    assert [(one.status, one.stdout.startswith("skycam, version ")) for one in found] == [(0, True), (0, True)]
    assert answer("version")["version"] in found[0].stdout


@pytest.mark.parametrize(
    ("text", "exposure_us"),
    [
        ("8", 8_000_000), ("0.01", 10_000), ("8s", 8_000_000), ("250ms", 250_000), ("1/100", 10_000),
        ("10ms", 10_000), ("20 µs", 20), ("1/50 s", 20_000), ("1,5 s", 1_500_000),
    ],
)  # fmt: skip
def test_an_exposure_is_read_with_its_unit_and_a_number_is_seconds(text: str, exposure_us: int) -> None:
    assert answer("start", "sky", "-e", text, "--dry-run")["exposure_us"] == exposure_us


@pytest.mark.parametrize("text", ["soon", "-1", "0", "nan", "8 m", "1/0"])
def test_an_invalid_exposure_is_refused_with_valid_forms(text: str) -> None:
    found = skycam("start", "sky", f"--exposure={text}", "--dry-run")
    assert found.exit_code == 2
    assert "s" in found.stderr


@pytest.mark.parametrize(("text", "seconds"), [("12", 12), ("12 s", 12), ("2 h", 7200), ("1 h 30 min", 5400)])
def test_a_duration_is_read_with_its_unit(text: str, seconds: int) -> None:
    assert answer("start", "sky", "-e", "1", "--every", text, "--dry-run")["interval_s"] == seconds
    assert answer("start", "sky", "-e", "1", "--cadence", text, "--dry-run")["interval_s"] == seconds
    assert answer("start", "sky", "-e", "1", "-d", text, "--dry-run")["interval_s"] == seconds + 1


@pytest.mark.parametrize("text", ["2 h", "2h", "120 min"])
def test_an_end_may_be_a_duration_from_now(text: str) -> None:
    begin = datetime.now(UTC)
    ends = datetime.fromisoformat(answer("start", "sky", "-e", "1", "--until", text, "--dry-run")["ends"])
    assert begin - MILLISECOND < ends - timedelta(hours=2) < datetime.now(UTC)


def test_a_bare_number_is_refused_as_an_end_because_it_might_be_an_hour() -> None:
    found = skycam("start", "sky", "--until", "5", "--dry-run")
    assert found.exit_code == 2
    assert "'5' is not a time. Write 06:30, 2 h, " in found.stderr


def test_sun_events_need_a_site() -> None:
    found = skycam("start", "sky", "--until", "dawn", "--dry-run")
    assert found.exit_code == 2
    assert "Set the site on the page Settings, or with `skycam settings site`" in found.stderr


def test_a_session_may_end_with_the_night() -> None:
    answer("settings", "site", "--latitude", "48.2", "--longitude", "16.4")
    ends = datetime.fromisoformat(answer("start", "sky", "-e", "1", "--until", "sunrise", "--dry-run")["ends"])
    assert timedelta(0) < ends - datetime.now(UTC) <= timedelta(hours=24, minutes=5)


def test_dawn_is_that_of_the_cameras_host() -> None:
    answer("settings", "site", "--latitude", "0", "--longitude", "0")
    CameraHost.objects.create(name="east", site={"latitude": 0, "longitude": 90})
    sunlit = max((-90, 90), key=lambda pole: sun_altitude(datetime.now(UTC), pole, 0))
    CameraHost.objects.create(name="pole", site={"latitude": sunlit, "longitude": 0})
    Camera.objects.filter(slug="sky").update(host="east")
    ends = datetime.fromisoformat(answer("start", "sky", "-e", "1", "--until", "Dawn", "--dry-run")["ends"])
    assert sun_altitude(ends, 0, 90) == pytest.approx(-6, abs=0.05)
    Camera.objects.filter(slug="sky").update(host="pole")
    found = skycam("start", "sky", "--until", "dawn", "--dry-run")
    assert found.exit_code == 2
    assert "No dawn in the next 36 hours here: the Sun stays" in found.stderr


def test_the_forecast_of_a_session_is_shown_before_it_starts() -> None:
    found = skycam("start", "sky", "-e", "8s", "--every", "12s", "--dry-run")
    assert found.stdout.startswith("8 s every 12 s until stopped, about 300 pictures an hour")
