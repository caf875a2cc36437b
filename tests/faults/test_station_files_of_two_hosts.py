"""Files of a camera host on another machine, asked for at the main machine's web."""

from __future__ import annotations

import hashlib
import http.client
import io
import zipfile
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psutil
import pytest

from tests.harness.runs.tiers import further
from tests.harness.scenarios.station_with_dome import SharedStation, dome_of, record_experiment, shared_station
from tests.harness.stations.outside_broker import Broker
from tests.harness.stations.station import Station
from tests.harness.waiting import PATIENCE_S, eventually


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, broker: Broker) -> Iterator[SharedStation]:
    with shared_station(tmp_path_factory.mktemp("main"), broker) as found:
        yield found


@pytest.fixture(scope="module")
def station(shared: SharedStation) -> Station:
    return shared.main


@pytest.fixture(scope="module")
def dome(tmp_path_factory: pytest.TempPathFactory, shared: SharedStation) -> Iterator[Station]:
    with dome_of(shared, tmp_path_factory.mktemp("dome")) as found:
        yield found


@pytest.fixture
def capture(station: Station, dome: Station) -> dict[str, Any]:
    return dict(station.cameras.saved_capture("dome"))


def thumbnail_of(station: Station, path: str) -> bytes:
    """Empty while it is not rendered."""
    answer = station.api.call("GET", path)
    return bytes(answer.body) if answer.status == 200 else b""


def file_of(capture: dict[str, Any], dome: Station) -> bytes:
    [path] = dome.data.glob(f"images/captures/dome/**/{capture['filename']}")
    return path.read_bytes()


def test_the_web_of_another_machine_sends_a_picture_and_its_thumbnail(
    station: Station, dome: Station, capture: dict[str, Any]
) -> None:
    answer = station.api.call("GET", f"captures/{capture['id']}/file/")
    assert answer.status == 200
    assert answer.body == file_of(capture, dome)
    assert hashlib.sha256(answer.body).hexdigest() == capture["sha256"]
    thumbnail = eventually(lambda: thumbnail_of(station, f"captures/{capture['id']}/thumbnail/"), "the thumbnail")
    assert thumbnail.startswith(b"\xff\xd8")


MEGABYTE = 1024**2
FIVE_GB = 5 * 1024**3
MAKE_BIG = """
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
import django; django.setup()
import sys
from captures.models import CaptureFile
file = CaptureFile.objects.select_related("root").get(capture=sys.argv[1])
path = os.path.join(os.path.dirname(file.path), f"big-{file.pk}.jpg")
with open(os.path.join(file.root.path, path), "wb") as big:
    big.truncate(int(sys.argv[2]))
CaptureFile.objects.filter(pk=file.pk).update(path=path, bytes=int(sys.argv[2]))
"""


@pytest.fixture
def big(dome: Station, capture: dict[str, Any]) -> str:
    """The path of a file of 5 GB on the dome's disk, which takes no space there."""
    dome.run("-c", MAKE_BIG, capture["id"], str(FIVE_GB))
    return f"/api/v1/captures/{capture['id']}/file/"


def begun(station: Station, path: str) -> http.client.HTTPConnection:
    """A download of which a megabyte was read."""
    connection = http.client.HTTPConnection("127.0.0.1", station.port, timeout=PATIENCE_S)
    connection.request("GET", path, headers=station.api.authorization)
    answer = connection.getresponse()
    assert answer.status == 200
    assert len(answer.read(MEGABYTE)) == MEGABYTE
    connection.answer = answer  # type: ignore[attr-defined]
    return connection


def clients_of(dome: Station) -> int:
    """The connections of its file server."""
    found = psutil.Process(dome.pid_of_running("files")).net_connections("tcp")
    return sum(one.status == psutil.CONN_ESTABLISHED and one.laddr.port == dome.files_port for one in found)


@pytest.mark.prove
def test_a_big_file_passes_through_flat_memory(station: Station, big: str) -> None:
    web = station.part("web")
    before = web.memory_info().rss
    with closing(begun(station, big)) as connection:
        answer, most = connection.answer, 0  # type: ignore[attr-defined]
        left = FIVE_GB - MEGABYTE
        while chunk := answer.read(8 * MEGABYTE):
            left -= len(chunk)
            most = max(most, web.memory_info().rss)
    assert left == 0
    assert most - before < 16 * MEGABYTE


@pytest.mark.prove
def test_a_client_that_leaves_ends_the_hosts_connection(station: Station, dome: Station, big: str) -> None:
    with closing(begun(station, big)):
        eventually(lambda: clients_of(dome) == 1, "the host sends")
    eventually(lambda: clients_of(dome) == 0, "the host's connection is closed")


@pytest.mark.parametrize("part", ["files", *further("web")])
def test_a_part_that_is_killed_while_a_file_passes_ends_the_download_and_leaves_nothing_hanging(
    part: str, station: Station, dome: Station, big: str
) -> None:
    machine = {"web": station, "files": dome}[part]
    pid = machine.pid_of_running(part)
    with closing(begun(station, big)) as connection:
        psutil.Process(pid).kill()
        with pytest.raises((OSError, http.client.HTTPException)):
            connection.answer.read()  # type: ignore[attr-defined]
    machine.pid_of_running(part, other_than=pid)
    eventually(lambda: clients_of(dome) == 0, "the host's connection is closed")
    with closing(begun(station, big)):
        eventually(lambda: clients_of(dome) == 1, "the host sends again")


def test_a_zip_of_an_archive_on_two_hosts_is_whole(station: Station, dome: Station) -> None:
    experiment = record_experiment(station)
    archive = eventually(lambda: complete_archive(station, experiment), "its archive")
    answer = station.api.call("GET", f"archives/{archive}/zip/")
    with zipfile.ZipFile(io.BytesIO(answer.body)) as found:
        assert found.testzip() is None
        assert "ERRORS.txt" not in found.namelist()
        sums = dict(reversed(line.split("  ")) for line in found.read("SHA256SUMS").decode().splitlines())
        assert {name.partition("/")[0] for name in sums if "/" in name} == {"simulated", "dome"}
        assert {hashlib.sha256(found.read(name)).hexdigest() == digest for name, digest in sums.items()} == {True}
    clip = station.api.get("clips/?camera=dome")["results"][0]
    whole = station.api.call("GET", f"clips/{clip['id']}/file/")
    assert hashlib.sha256(whole.body).hexdigest() == clip["sha256"]
    film = eventually(lambda: thumbnail_of(station, f"clips/{clip['id']}/file/?form=faststart"), "its fast form")
    assert len(film) >= len(whole.body)
    part = station.api.call("GET", f"clips/{clip['id']}/file/?form=faststart", Range="bytes=1000-1999")
    assert (part.status, part.body) == (206, film[1000:2000])
    assert eventually(lambda: thumbnail_of(station, f"clips/{clip['id']}/poster/"), "its poster")


def complete_archive(station: Station, experiment: str) -> str:
    found = station.api.get("archives/")["results"]
    return next((one["id"] for one in found if (one["experiment"], one["state"]) == (experiment, "complete")), "")


def test_a_host_that_is_away_is_named_with_the_time(station: Station, dome: Station, capture: dict[str, Any]) -> None:
    dome.stop()
    path = f"captures/{capture['id']}/file/"
    answer = eventually(lambda: away(station, path), "the host is away")
    assert answer["type"] == "/problems/host-down"
    assert answer["host"] == "dome"
    assert answer["since"].startswith("20")
    dome.start(only="worker")
    eventually(lambda: station.api.call("GET", path).status == 200, "the host is back")


def away(station: Station, path: str) -> dict[str, Any]:
    answer = station.api.call("GET", path)
    return dict(answer.body) if answer.status == 503 else {}
