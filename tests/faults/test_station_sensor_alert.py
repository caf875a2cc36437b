"""A thermometer of a running station warms past a threshold: chart, metric, a rule of a real Prometheus, the station's
own alert and its mail; then it cools, and is unplugged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.times.timestamps import stamp
from tests.harness.far_ends.ds9097 import Ds9097
from tests.harness.far_ends.mail_server import MailReceiver, mail_server
from tests.harness.stations.command_line import SKYCAM
from tests.harness.stations.prometheus import Prometheus, scraping
from tests.harness.stations.station import Station
from tests.harness.waiting import eventually

COOL, WARM = 21.5, 31.25
RULE = """
  - name: mirror
    rules:
      - alert: MirrorWarm
        expr: skycam_sensor_temperature_celsius{sensor="mirror"} > 30
"""
METRIC = 'skycam_sensor_temperature_celsius{sensor="mirror"}'
FIRING = 'ALERTS{alertname="MirrorWarm",alertstate="firing"}'


@pytest.fixture
def bus() -> Iterator[Ds9097]:
    with Ds9097(COOL) as bus:
        yield bus


@pytest.fixture
def box() -> Iterator[MailReceiver]:
    with mail_server() as box:
        yield box


@pytest.fixture
def station(tmp_path_factory: pytest.TempPathFactory, bus: Ds9097, box: MailReceiver) -> Iterator[Station]:
    """It has a picture, reads the bus, and mails alerts of rules at once."""
    station = Station(tmp_path_factory.mktemp("sensor-alert") / "data")
    try:
        station.up_with_camera()
        capture = station.cameras.saved_capture()["id"]
        eventually(lambda: station.api.get(f"captures/{capture}/")["thumbnail"], "a thumbnail")
        add_mail(station, box)
        rule = {"name": "warm", "kind": "reading_above", "subject": "mirror", "threshold": 30, "severity": "error"}
        station.api.ask("POST", "alert-rules/", {**rule, "for_s": 0})
        sensor = {"name": "mirror", "kind": "digitemp", "interval_s": 2.0, "settings": {"port": bus.port}}
        station.api.ask("POST", "sensors/", sensor)
        eventually(lambda: newest(station)["value"] == COOL, "the first reading")
        yield station
    finally:
        station.ensure_stopped()


def add_mail(station: Station, box: MailReceiver) -> None:
    settings = {"host": "127.0.0.1", "port": box.port, "security": "none", "sender": "sky@example.org"}
    body = {"name": "post", "kind": "mail", "settings": {**settings, "recipients": ["operator@example.org"]}}
    channel = station.api.ask("POST", "notifications/channels/", body)["id"]
    route = {"name": "rules", "channel": channel, "key_prefix": "rule:", "group_wait_s": 0}
    station.api.ask("POST", "notifications/routes/", route)


@pytest.fixture
def prometheus(station: Station, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    token = station.run(
        *SKYCAM[1:], "--output", "json", "tokens", "add", "prometheus", "--user", "admin", "--scope", "viewer"
    )
    folder = tmp_path_factory.mktemp("prometheus") / "etc"
    with scraping(station, folder, json.loads(token)["token"], RULE) as prometheus:
        yield prometheus


def newest(station: Station) -> dict[str, Any]:
    """The newest reading of the only channel."""
    channels = station.api.get("sensors/mirror/")["channels"]
    return channels[0] if channels else {"value": None, "quality": ""}


def open_alerts(station: Station) -> list[str]:
    return [alert["key"].rpartition(":")[0] for alert in station.api.get("alerts/?state=open")["results"]]


def charted(station: Station) -> set[float]:
    since = stamp(datetime.now(UTC) - timedelta(minutes=10))
    (channel,) = station.api.get(f"readings/?sensor=mirror&from={since}")["channels"]
    return set(channel["points"]["mean"])


def subjects(box: MailReceiver) -> list[str]:
    return [str(mail["Subject"]) for mail in box.mails]


@pytest.mark.promise("sensors")
def test_a_warm_thermometer_is_told_everywhere_and_its_alert_ends(
    station: Station, bus: Ds9097, box: MailReceiver, prometheus: Prometheus
) -> None:
    bus.set_temperature(WARM)
    eventually(lambda: "rule:warm:mirror" in open_alerts(station), "the alert")
    eventually(lambda: WARM in charted(station), "the point of the chart")
    eventually(lambda: prometheus.value(METRIC) == WARM, "the metric")
    eventually(lambda: prometheus.query(FIRING), "the rule of Prometheus")
    eventually(lambda: box.mails, "the mail")
    assert [part.get_filename() for part in box.mails[0].iter_attachments()] == ["picture.jpg"]
    bus.set_temperature(COOL)
    eventually(lambda: "rule:warm:mirror" not in open_alerts(station), "the end of the alert")
    eventually(lambda: not prometheus.query(FIRING), "the end of the rule of Prometheus")
    eventually(lambda: any("esolved" in subject or "is over" in subject for subject in subjects(box)), "its mail")
    bus.close()
    missing = eventually(lambda: (found := newest(station))["quality"] == "missing" and found, "the missing reading")
    assert missing["value"] is None
    eventually(lambda: "rule:sensor-missing" in open_alerts(station), "the alert about the missing sensor")
