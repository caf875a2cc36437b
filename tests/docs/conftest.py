"""One real station for the README: two cameras, one of them libgphoto2's virtual DSLR."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.harness.documents.sources import nodes, sources
from tests.harness.stations.shell import Shell
from tests.harness.stations.station import WITH_SERVICE, Station


@pytest.fixture(scope="session")
def parsed_sources() -> None:
    """All sources are parsed: in the time of the first test that reads them, it would be the slowest of all."""
    for path in sources():
        nodes(path)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("readme")
    (folder / "jpegs").mkdir()
    Image.new("RGB", (640, 480), (8, 12, 30)).save(folder / "jpegs" / "sky.jpg")
    (folder / ".venv").symlink_to(sys.prefix)
    station = Station(
        folder / "skycam-data",
        VCAMERADIR=str(folder / "jpegs"),
        SKYCAM_STATION="roof",
        SKYCAM_STATION__NAME="Roof",
        **WITH_SERVICE,
    )
    station.finds_database = False
    station.environment["PATH"] = f"{Path(sys.executable).parent}:{station.environment['PATH']}"
    try:
        yield Shell(station.up_with_camera())
    finally:
        station.ensure_stopped()
