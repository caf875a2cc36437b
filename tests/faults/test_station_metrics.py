"""The metrics of a running station, scraped by a real Prometheus: each panel of the dashboards has values, and no kill
makes a counter wrong."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.far_ends.webhook_receiver import receiving, status
from tests.harness.kills.faults import kill
from tests.harness.project import PROJECT
from tests.harness.stations.command_line import SKYCAM
from tests.harness.stations.http_client import HttpClient
from tests.harness.stations.prometheus import Prometheus, scraping
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

DASHBOARDS = sorted((PROJECT / "deploy" / "grafana" / "dashboards").glob("*.json"))
VARIABLES = {"$camera": "simulated", "$sensor": ".*", "$__range": "5m"}
"""What Grafana puts into an expression."""
NEEDS_A_VERIFIED_ARCHIVE = "Oldest verification"
SERVED = re.compile(r"^# TYPE (skycam_\w+) ", re.MULTILINE)
NAMED = re.compile(r"^\| `(skycam_\w+)`", re.MULTILINE)


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """It takes stills in a session, records, is watched, has run a job, and has a sensor, a web-hook and an off-site
    destination."""
    station = Station(tmp_path_factory.mktemp("metrics") / "data")
    try:
        station.up_with_camera()
        station.api.call("PATCH", "cameras/simulated/settings/", {"width": 320, "height": 240})
        station.cameras.start_session(cadence_s=0.5)
        record_a_clip(station)
        station.api.post("cameras/simulated/record/", {"kind": "manual"})
        station.api.post("storage/integrity/", {})
        station.api.ask("POST", "sensors/", {"name": "weather", "kind": "simulated", "interval_s": 1})
        add_destination(station, tmp_path_factory.mktemp("copies"))
        with receiving(status(200)) as receiver:
            station.api.ask("POST", "webhooks/", {"name": "lab", "url": receiver.url, "kinds": ["camera.*"]})
            yield station
    finally:
        station.ensure_stopped()


def record_a_clip(station: Station) -> None:
    station.api.post("cameras/simulated/record/", {"kind": "manual"})
    eventually(lambda: (station.api.get("cameras/simulated/status/")["recorder"] or {}).get("frames"), "a frame")
    station.api.post("cameras/simulated/stop-recording/", {})
    eventually(lambda: station.api.get("clips/")["results"], "the clip")


def add_destination(station: Station, folder: Path) -> None:
    body = {"name": "copies", "kind": "folder", "classes": ["rolling_clip"], "settings": {"path": str(folder)}}
    station.api.ask("POST", "offsite/destinations/", body | {"secret": {}})


@pytest.fixture(scope="module")
def prometheus(station: Station, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    token = station.run(
        *SKYCAM[1:], "--output", "json", "tokens", "add", "prometheus", "--user", "admin", "--scope", "viewer"
    )
    with scraping(station, tmp_path_factory.mktemp("prometheus") / "etc", json.loads(token)["token"]) as prometheus:
        yield prometheus


def text_of(station: Station) -> str:
    """What the host serves, and what the web part serves."""
    web = station.api.ask("GET", "metrics/")
    answer = HttpClient(station.metrics_port).request("GET", "/metrics")
    assert answer.status == 200
    return f"{answer.body}{web}"


def status_captures(station: Station) -> Any:
    """The totals as `skycam status` prints them; None while they are unknown."""
    found = json.loads(station.run(*SKYCAM[1:], "--output", "json", "status"))
    return found["cameras"][0]["captures"]


def expressions(dashboard: Path) -> list[tuple[str, str]]:
    """Title and expression of each target of the panels, with the values of the variables."""
    panels = json.loads(dashboard.read_text())["panels"]
    found = [(panel["title"], target["expr"]) for panel in panels for target in panel["targets"]]
    return [(title, with_values(expression)) for title, expression in found]


def with_values(expression: str) -> str:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def empty_panels(prometheus: Prometheus, dashboard: Path) -> list[tuple[str, str]]:
    panels = [one for one in expressions(dashboard) if one[0] != NEEDS_A_VERIFIED_ARCHIVE]
    return [one for one in panels if not prometheus.query(one[1])]


def test_no_other_panel_has_a_fallback_that_would_hide_a_missing_metric() -> None:
    found = {title for dashboard in DASHBOARDS for title, expression in expressions(dashboard) if " or " in expression}
    # A kind of database error has no series before the first one.
    assert found == {"Database statements"}


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_every_panel_of_a_dashboard_has_values(dashboard: Path, station: Station, prometheus: Prometheus) -> None:
    def empty_ones() -> list[tuple[str, str]]:
        # A live picture is only encoded while someone watches.
        station.api.call("GET", "cameras/simulated/frame.jpg")
        return empty_panels(prometheus, dashboard)

    eventually(lambda: not empty_ones(), lambda: empty_panels(prometheus, dashboard))


def test_the_rules_are_evaluated_without_errors(prometheus: Prometheus) -> None:
    def states() -> set[tuple[str, str]]:
        groups = prometheus.ask("rules")["groups"]
        return {(rule["health"], rule.get("lastError", "")) for group in groups for rule in group["rules"]}

    eventually(lambda: states() == {("ok", "")}, states)


def test_the_recording_rules_give_values(station: Station, prometheus: Prometheus) -> None:
    rate = 'camera:skycam_images_captured:rate5m{camera="simulated"}'
    eventually(lambda: prometheus.value(rate), "the rate of images")


def test_promtool_finds_no_fault_in_the_metrics(station: Station) -> None:
    for text in (
        HttpClient(station.metrics_port).request("GET", "/metrics").body,
        station.api.ask("GET", "metrics/"),
    ):
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_the_documented_metrics_are_those_that_are_served(station: Station) -> None:
    documented = NAMED.findall((PROJECT / "docs" / "operating" / "metrics.md").read_text())
    assert documented == sorted(documented)

    def differing() -> set[str]:
        return set(documented) ^ set(SERVED.findall(text_of(station)))

    eventually(lambda: not differing(), differing)


@pytest.fixture
def to_be_stopped(station: Station) -> Iterator[str]:
    """The path that stops the session of the station. The next test has a new one."""
    yield "cameras/simulated/stop/"
    station.api.post("cameras/simulated/stop/", {})
    station.cameras.start_session(cadence_s=0.5)


@pytest.mark.parametrize("target", ["camera", "worker"])
def test_prometheus_and_status_agree_on_the_images_after_a_kill(
    target: str, station: Station, prometheus: Prometheus, to_be_stopped: str
) -> None:
    counted = 'skycam_images_captured_total{camera="simulated"}'
    before = eventually(lambda: prometheus.value(counted), "images are counted")
    kill(station, target)
    eventually(lambda: (prometheus.value(counted) or 0) > before + 3, "they are counted on")
    # 503 while no process of the camera is ready, 504 while a busy machine is too slow: the stop is stored, and applies
    # then.
    assert station.api.post(to_be_stopped, {}).status in {200, 503, 504}
    eventually(lambda: station.api.get("cameras/simulated/status/")["session"] is None, "the session has ended")

    def numbers() -> list[Any]:
        [[saved]] = station.database.rows("SELECT COUNT(*) FROM captures_capture WHERE status = 'saved'")
        return [(status_captures(station) or {}).get("saved"), prometheus.value(counted), saved]

    eventually(lambda: len(set(numbers())) == 1, numbers)
    # A counter that fell would count as a restart, and its whole value as an increase.
    assert prometheus.value("sum(resets(skycam_images_captured_total[10m]))") == 0


COUNTED = ("skycam_camera_frames_total", "skycam_recording_written_bytes_total", "skycam_live_encoded_total")
"""What the camera of the station counts all the time."""
SURVIVING = (
    *COUNTED, "skycam_recording_frames_lost_total", "skycam_live_frames_yielded_total",
    "skycam_camera_ladder_steps_total", "skycam_outbox_lost_total", "skycam_capture_errors_total",
)  # fmt: skip


@pytest.mark.parametrize("target", ["camera", "worker"])
def test_the_counters_of_a_host_go_on_after_a_kill(target: str, station: Station, prometheus: Prometheus) -> None:
    def values() -> dict[Any, float]:
        station.api.call("GET", "cameras/simulated/frame.jpg")
        return prometheus.query(f'{{__name__=~"{"|".join(COUNTED)}", camera="simulated"}} > 0')

    before = eventually(lambda: len(found := values()) >= 3 and found, values)
    kill(station, target)
    eventually(lambda: all(values().get(series, 0) > value for series, value in before.items()), values)
    assert {name: prometheus.value(f"sum(resets({name}[10m]))") for name in SURVIVING} == dict.fromkeys(SURVIVING, 0)
