"""A client that openapi-python-client generates from the schema compiles, and calls a station."""

from __future__ import annotations

import compileall
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.stations.station import Station
from tests.harness.waiting import PATIENCE_S

CONFIG = """
post_hooks: []
content_type_overrides:
  application/problem+json: application/json
  application/x-ndjson: application/octet-stream
  application/zip: application/octet-stream
  image/jpeg: application/octet-stream
  multipart/x-mixed-replace; boundary=skycam-frame: application/octet-stream
  text/csv: application/octet-stream
  video/mp4: application/octet-stream
"""
"""Of the generator: its files are not formatted, and media are bytes for it."""
PROGRAM = """
import sys
from skycam_client import AuthenticatedClient
from skycam_client.api.cameras import cameras_list
from skycam_client.api.health import health_retrieve

client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2])
print([camera.slug for camera in cameras_list.sync(client=client).results], health_retrieve.sync(client=client).broker)
"""


@pytest.fixture(scope="module")
def client(plain_station: Station, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the package `skycam_client` was generated from the station's schema."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "skycam.json").write_text(json.dumps(plain_station.api.get("schema/")))
    (folder / "config.yaml").write_text(CONFIG)
    words = ["--path", "skycam.json", "--config", "config.yaml", "--meta", "none", "--output-path", "skycam_client"]
    command = [sys.executable, "-m", "openapi_python_client", "generate", *words, "--fail-on-warning"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=5 * PATIENCE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_each_module_of_the_generated_client_compiles(client: Path) -> None:
    assert compileall.compile_dir(client / "skycam_client", quiet=1)


def test_the_generated_client_reads_cameras_and_health(client: Path, plain_station: Station) -> None:
    address = f"http://127.0.0.1:{plain_station.port}"
    command = [sys.executable, "-c", PROGRAM, address, plain_station.api.token]
    done = subprocess.run(command, cwd=client, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert "'simulated'" in done.stdout, done.stderr
    assert done.stdout.rstrip().endswith("True")
