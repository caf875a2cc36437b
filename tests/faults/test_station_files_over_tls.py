"""Files of a camera host that serves them over TLS, asked for at the main machine's web."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.far_ends.network.encrypted import certificate
from tests.harness.scenarios.station_with_dome import SharedStation, dome_of, shared_station
from tests.harness.stations.outside_broker import Broker
from tests.harness.stations.station import Station

ENLARGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
import django; django.setup()
from captures.models import CaptureFile
file = CaptureFile.objects.select_related("root").get(capture=sys.argv[1])
content = open(sys.argv[2], "rb").read()
open(os.path.join(file.root.path, file.path), "wb").write(content)
CaptureFile.objects.filter(pk=file.pk).update(bytes=len(content))
"""
CONTENT = os.urandom(24 << 20)
"""More than the buffers of all sockets hold."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, broker: Broker) -> Iterator[SharedStation]:
    pair = certificate(tmp_path_factory.mktemp("certificate"), "dome")
    names = ("CERTIFICATE", "CERTIFICATE_KEY", "AUTHORITY")
    variables = {f"SKYCAM_FILES__{name}": str(pair) for name in names}
    with shared_station(tmp_path_factory.mktemp("main"), broker, **variables) as found:
        yield found


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory, shared: SharedStation) -> Iterator[dict[str, Any]]:
    """A picture of the dome, with CONTENT as its file."""
    folder: Path = tmp_path_factory.mktemp("dome")
    with dome_of(shared, folder) as dome:
        capture = dict(shared.main.cameras.saved_capture("dome"))
        (folder / "content").write_bytes(CONTENT)
        dome.run("-c", ENLARGE, capture["id"], str(folder / "content"))
        yield capture


@pytest.fixture
def station(shared: SharedStation) -> Station:
    return shared.main


def test_a_file_passes_from_the_host_to_a_client_with_its_validator(station: Station, capture: dict[str, Any]) -> None:
    whole = station.api.call("GET", f"captures/{capture['id']}/file/")
    assert (whole.status, whole.body == CONTENT) == (200, True)
    assert whole.headers["etag"] == f'"{capture["sha256"]}"'


def test_a_range_passes_from_the_host_to_a_client(station: Station, capture: dict[str, Any]) -> None:
    part = station.api.call("GET", f"captures/{capture['id']}/file/", Range="bytes=1000-20000999")
    assert (part.status, part.body == CONTENT[1000:20_001_000]) == (206, True)
    assert part.headers["content-range"] == f"bytes 1000-20000999/{len(CONTENT)}"
