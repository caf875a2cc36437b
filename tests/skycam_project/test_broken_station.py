"""`skycam doctor` and the support bundle of a station with nine things broken."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from skycam_project.config.model import KEYS, key_option, variable_of
from tests.harness.disks.small_disk import mount
from tests.harness.stations.command_line import Ran, run

pytestmark = pytest.mark.slow

SECRETS = {
    "database_url": ("postgresql://skycam:planted-database@127.0.0.1:1/skycam", "planted-database"),
    "redis_url": ("redis://:planted-broker@127.0.0.1:1/0", "planted-broker"),
    "camera_redis_url": ("redis://camera:planted-publisher@127.0.0.1:1/0", "planted-publisher"),
    "admin_password": ("planted-admin/1", "planted-admin/1"),
    "address_secret": ("planted-address-" * 3, "planted-address-"),
    "web.secret_key": ("planted-django-" * 4, "planted-django-"),
    "monitoring.prometheus.token": ("planted-metrics-token", "planted-metrics-token"),
    "monitoring.dead_man_switch.url": ("https://ping.example.org/planted-switch", "planted-switch"),
    "backup.passphrase": ("planted-passphrase", "planted-passphrase"),
    "service.token": ("planted-service-token", "planted-service-token"),
}
"""Key -> its value, and the secret in it."""
CONFIGURATION = """
site: {{time_zone: Europe/Berlin}}
storage_root: {disk}
web: {{port: {web}}}
service: {{port: {service}}}
monitoring: {{prometheus: {{port: {prometheus}}}}}
cameras:
  - {{id: micro, type: pixelink}}
  - {{id: yard, type: network, address: "rtsp://viewer:planted-camera@10.0.0.9/live"}}
gates:
  - name: rain
    source:
      http: https://weather.example.org/now?appid=planted-weather
      json: rain
      headers: {{Authorization: "Bearer planted-gate-token"}}
    unsafe_above: 0.2
    safe_below: 0.1
"""
LOG = """worker | DATABASE_URL=postgresql://skycam:planted-database@127.0.0.1:1/skycam
web | headers {'Authorization': 'Bearer planted-service-token', 'Cookie': 'sessionid=planted-session'}
web | cGxhbnRlZC1hZG1pbi8x and planted-admin%2F1 and planted-admin/1
worker | it opens rtsp://viewer:planted-camera@10.0.0.9/live
"""
BROKEN = {
    "folders": ("Other users can access the data folder", "chmod 700"),
    "folders ": ("Other users can read the secret key", "chmod 600"),
    "database": ("It does not answer", "DATABASE_URL"),
    "broker": ("The broker does not answer", "REDIS_URL"),
    "ports": ("(web.port) is used by", "set web.port to a free port"),
    "ports ": ("(monitoring.prometheus.port) is used by", "set monitoring.prometheus.port to a free port"),
    "disks": ("inodes free", "Delete small files"),
    "pixelink": ("micro cannot be used. The PixeLink SDK is missing", "Install the PixeLink SDK"),
}
"""Check -> what it finds, and what to do."""


@dataclass
class BrokenStation:
    data: Path
    variables: dict[str, str]

    def run(self, *words: str) -> Ran:
        return run(self.data, "--config", str(self.data.parent / "skycam.yaml"), *words, **self.variables)


@pytest.fixture
def station(tmp_path: Path) -> Iterator[BrokenStation]:
    data, disk = tmp_path / "data", tmp_path / "disk"
    (data / "logs").mkdir(parents=True)
    (data / "logs" / "skycam.log").write_text(LOG)
    (data / "secret-key").write_text("planted-key-file-" * 3)
    data.chmod(0o755)
    disk.mkdir()
    mount("-t", "tmpfs", "-o", "size=1g,nr_inodes=20", "skycam-test", disk)
    with ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(2)]
        with socket.create_server(("127.0.0.1", 0)) as free:
            service = free.getsockname()[1]
        text = CONFIGURATION.format(disk=disk, web=taken[0], prometheus=taken[1], service=service)
        (tmp_path / "skycam.yaml").write_text(text)
        values = {variable_of(tuple(key.split("."))): value for key, (value, _) in SECRETS.items()}
        yield BrokenStation(data, {**values, "TZ": "America/New_York", "HOOK_TOKEN": "planted-environment"})
    subprocess.run(["umount", "-l", str(disk)], check=True)


def found_in(checks: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    detail, remedy = BROKEN[name]
    fitting = [one for one in checks if one["check"] == name.strip() and one["state"] != "ok"]
    return [one for one in fitting if detail in one["detail"] and remedy in one["remedy"]]


def test_doctor_names_everything_that_is_broken_with_its_remedy(station: BrokenStation) -> None:
    found = station.run("--output", "json", "doctor")
    body = json.loads(found.stdout)
    assert [name for name in BROKEN if not found_in(body["checks"], name)] == [], found.stdout
    assert (found.status, body["ok"]) == (1, False)
    assert found.stderr == ""


def test_every_secret_key_of_the_configuration_is_planted() -> None:
    assert set(SECRETS) == {".".join(key) for key in KEYS if key_option(key, "secret")}


def test_the_support_bundle_of_a_broken_station_has_no_secret(station: BrokenStation) -> None:
    path = station.data.parent / "bundle.zip"
    found = station.run("--output", "json", "support-bundle", str(path))
    assert found.status == 0, found.stdout + found.stderr
    with zipfile.ZipFile(path) as archive:
        texts = {os.path.basename(name): archive.read(name).decode() for name in archive.namelist()}
    assert [name for name, text in texts.items() if "planted" in text or "cGxhbnRlZC1hZG1p" in text] == []
    assert [name for name, (detail, _) in BROKEN.items() if detail not in texts["doctor.json"]] == []
    assert "it opens" in texts["skycam.log"]
    assert "events.json" in texts["missing.json"]
    assert "secrets of database" in texts["missing.json"]
