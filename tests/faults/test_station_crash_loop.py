"""A part that ends repeatedly on a running station: cameras, sessions and the other parts go on."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator

import pytest

from skycam_project.launch import restart
from skycam_project.launch.parts import parts_of
from tests.harness.kills.crash_loop import SOON, killed_on_each_start, looping
from tests.harness.runs.tiers import further
from tests.harness.stations.command_line import run
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

CADENCE_S = 0.25
RETRY_S = 60.0
"""After so long a part in a crash loop is started again."""


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """The default station, but two exits make a crash loop, and two healthy seconds end it."""
    station = Station(tmp_path_factory.mktemp("loop") / "data", **SOON)
    try:
        station.up().cameras.eventually_ready()
        station.api.call("PATCH", "cameras/simulated/settings/", {"width": 320, "height": 240})
        yield station
    finally:
        station.ensure_stopped()


@pytest.fixture
def session(station: Station) -> Iterator[str]:
    station.cameras.eventually_ready()
    yield station.cameras.start_session(cadence_s=CADENCE_S)
    station.api.post("cameras/simulated/stop/")
    station.spools.eventually_settled()


def saved(station: Station) -> int:
    return station.database.count("captures_capture WHERE status = 'saved'")


def alert(station: Station, part: str) -> tuple[str, str] | None:
    question = "SELECT state, message FROM monitoring_alert WHERE key = ? ORDER BY opened_at DESC LIMIT 1"
    return next(iter(station.database.rows(question, f"part.crash_loop:main:{part}")), None)  # type: ignore[arg-type]


def opened(station: Station, part: str) -> str:
    """The message of the alert, once it is open."""
    is_open = f"the alert of {part} is open"
    return str(eventually(lambda: (found := alert(station, part)) and found[0] == "open" and found[1], is_open))


def others_than(station: Station, part: str) -> dict[str, int]:
    """The pids of the other parts, without those that it starts."""
    return {name: pid for name, pid in station.running_pids().items() if name not in {part, *parts_of(part)}}


@pytest.mark.parametrize("part", ["jobs", *further("valkey", "web")])
def test_a_part_in_a_crash_loop_costs_no_camera_and_no_session_and_comes_back(
    station: Station, session: str, part: str
) -> None:
    camera, others = station.cameras.pid(), others_than(station, part)
    with killed_on_each_start(station, part):
        row = looping(station, part)
        before = saved(station)
        message = opened(station, part)
        eventually(lambda: saved(station) > before + 4, "the session goes on")
    assert 0 <= row["next_try_s"] <= 60
    assert message.startswith(
        f"{part} is in a crash loop on main: {part} killed by SIGKILL. It is restarted once a minute"
    )
    assert message.endswith(
        f"Read {station.data}/logs/skycam.log, then restart it at once with `skycam restart {part}`."
    )
    assert restart(station.config, part)["state"] == "running"
    eventually(lambda: alert(station, part)[0] == "resolved", "the alert is over")  # type: ignore[index]
    assert station.cameras.pid() == camera
    assert others_than(station, part) == others
    eventually(lambda: station.cameras.capture("simulated").status == 201, "captures by command")


def unhealthy_parts(station: Station) -> str:
    """What the health says of parts; empty while it answers that all is well."""
    health = station.api.call("GET", "health/")
    return " ".join(health.body["problems"].get("parts", [])) if health.status == 503 else ""


def test_a_worker_in_a_crash_loop_is_an_alert_although_it_raises_alerts_itself(station: Station) -> None:
    others = others_than(station, "worker")
    with killed_on_each_start(station, "worker"):
        looping(station, "worker")
        assert "worker killed by SIGKILL" in opened(station, "worker")
        eventually(lambda: "worker is in a crash loop on main" in unhealthy_parts(station), "the health says so")
    assert restart(station.config, "worker")["state"] == "running"
    eventually(lambda: alert(station, "worker")[0] == "resolved", "the alert is over")  # type: ignore[index]
    assert others_than(station, "worker") == others
    station.cameras.eventually_ready()


@pytest.mark.prove
def test_a_part_in_a_crash_loop_is_tried_again(station: Station) -> None:
    with killed_on_each_start(station, "beat"):
        looping(station, "beat")
    eventually(lambda: station.parts()["beat"]["state"] == "running", "tried again", takes_s=RETRY_S)


@pytest.mark.prove
def test_a_crash_loop_whose_alert_cannot_be_written_is_in_the_log_and_on_the_command_line(station: Station) -> None:
    folder = station.data / "run" / "crash-loops"
    shutil.rmtree(folder, ignore_errors=True)
    folder.write_text("A file in its place, which fails like a full disk.")
    with killed_on_each_start(station, "beat"):
        looping(station, "beat")
        station.eventually_says("no alert for this crash loop")
        # While it is killed, since the next try would end the crash loop.
        eventually(lambda: "beat is in a crash loop, next try in" in run(station.data, "doctor").stdout, "doctor")
        eventually(lambda: "crash loop, next try in" in run(station.data, "ps").stdout, "ps")
    folder.unlink()
    assert restart(station.config, "beat")["state"] == "running"


def test_a_launcher_killed_during_a_crash_loop_leaves_nothing_and_the_next_one_ends_the_alert(station: Station) -> None:
    processes = station.processes()
    with killed_on_each_start(station, "jobs"):
        looping(station, "jobs")
        opened(station, "jobs")
        station.interrupt(signal.SIGKILL)
        station.status()
    eventually(lambda: not any(process.is_running() for process in processes), "no process is left")
    station.up()
    eventually(lambda: alert(station, "jobs")[0] == "resolved", "the alert is over")  # type: ignore[index]


@pytest.mark.prove
def test_an_error_each_second_is_logged_once_and_then_counted(station: Station) -> None:
    station.cameras.eventually_ready()
    station.database.execute("DELETE FROM captures_storageassignment")
    station.eventually_says("has no storage root")
    # The round that stores it fails as well, and so does the one at the end.
    assert station.cameras.saved_capture()["status"] == "saved"
    assert station.stop() == 0
    lines = [line for line in station.output().splitlines() if "database-sync failed" in line]
    assert ["more in the last minute" in line for line in lines] == [False, True]
    station.up()


def test_a_station_with_a_part_in_a_crash_loop_stops_as_any_other(station: Station) -> None:
    processes = station.processes()
    with killed_on_each_start(station, "jobs"):
        looping(station, "jobs")
    assert station.stop() == 0
    eventually(lambda: not any(process.is_running() for process in processes), "no process is left")
