"""Files of another host over TLS: a real file server with a certificate, and the web's answers from it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from cameras.models import Camera, CameraHost
from captures.files.host_files import client
from captures.files.host_files.server import FileServer
from captures.models import CaptureFile, StorageRoot
from captures.thumbnails.store import ThumbnailStore
from tests.harness.clients.responses import content
from tests.harness.far_ends.file_server import DOME, file_server, give_to_dome
from tests.harness.far_ends.network.encrypted import certificate
from tests.harness.rows.captures import PICTURE, file_of, saved
from tests.harness.rows.offsite import folder_destination, send
from tests.harness.waiting import PATIENCE_S

SMALL = b"\xff\xd8 small \xff\xd9"


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """The dome's key with its certificate, which nobody signed."""
    return certificate(tmp_path, DOME)


@pytest.fixture
def server(pair: Path) -> Iterator[FileServer]:
    with file_server(pair) as server:
        yield server


@pytest.fixture
def picture(camera: Camera, root: StorageRoot, server: FileServer, tmp_path: Path) -> CaptureFile:
    """A picture of the host dome, with a verified copy at `nas`, which is away."""
    file = file_of(saved(camera), root)
    send(folder_destination(tmp_path / "copies", name="nas"))
    (tmp_path / "copies").rename(tmp_path / "away")
    give_to_dome(root, f"https://127.0.0.1:{server.server_address[1]}")
    return file


@pytest.fixture
def url(picture: CaptureFile) -> str:
    return f"/api/v1/captures/{picture.capture_id}/file/"


def trust(authority: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`authority`: a file; empty for the authorities of the system."""
    files = settings.STATION.files.model_copy(update={"authority": authority})
    monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update={"files": files}))


@pytest.fixture
def trusted(pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The web trusts the dome's certificate."""
    trust(str(pair), monkeypatch)


def refused_sentence(viewer: Any, url: str) -> str:
    """Why the web sends nothing of a file whose host it cannot ask."""
    answer = viewer.get(url)
    body = answer.json()
    assert (answer.status_code, body["type"], answer["Retry-After"]) == (503, "/problems/host-down", "10")
    assert (body["host"], body["copies"]) == (DOME, ["nas"])
    assert body["detail"].endswith("Its verified copies at nas cannot be read now: see `skycam offsite status`.")
    return str(body["detail"])


@pytest.mark.usefixtures("trusted")
def test_a_file_passes_with_its_validators(viewer: Any, picture: CaptureFile, url: str) -> None:
    answer = viewer.get(url)
    assert (answer.status_code, content(answer)) == (200, PICTURE)
    assert answer["ETag"] == f'"{picture.sha256}"'
    assert answer["Content-Length"] == str(len(PICTURE))
    assert viewer.get(url, headers={"if-none-match": answer["ETag"]}).status_code == 304
    assert viewer.head(url)["Content-Length"] == str(len(PICTURE))


@pytest.mark.usefixtures("trusted")
def test_a_range_passes(viewer: Any, picture: CaptureFile, url: str) -> None:
    answer = viewer.get(url, headers={"range": "bytes=100-199", "if-range": f'"{picture.sha256}"'})
    assert (answer.status_code, content(answer)) == (206, PICTURE[100:200])
    assert answer["Content-Range"] == f"bytes 100-199/{len(PICTURE)}"
    assert viewer.get(url, headers={"range": "bytes=99999-"})["Content-Range"] == f"bytes */{len(PICTURE)}"


@pytest.mark.usefixtures("trusted")
def test_a_thumbnail_passes(viewer: Any, picture: CaptureFile) -> None:
    with ThumbnailStore(picture.root.path) as store:
        store.write_thumbnail(picture.sha256, 320, SMALL)
    assert viewer.get(f"/api/v1/captures/{picture.capture_id}/thumbnail/?size=320").content == SMALL


def test_a_certificate_that_no_authority_signed_is_refused(viewer: Any, url: str, server: FileServer) -> None:
    sentence = refused_sentence(viewer, url)
    assert sentence.startswith(
        f"The file is on the camera host dome, which cannot be reached at https://127.0.0.1:{server.server_address[1]} "
        "(self-signed certificate; files.authority names the authorities that are trusted here)."
    )


def test_a_certificate_of_another_key_is_refused(
    viewer: Any, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    trust(str(certificate(tmp_path / "other", DOME)), monkeypatch)
    assert "self-signed certificate; files.authority names" in refused_sentence(viewer, url)


@pytest.mark.usefixtures("trusted")
def test_a_certificate_of_another_name_is_refused(viewer: Any, url: str, server: FileServer) -> None:
    CameraHost.objects.update(file_server=f"https://localhost:{server.server_address[1]}")
    assert "certificate is not valid for 'localhost'" in refused_sentence(viewer, url)


@pytest.mark.parametrize("text", [None, "", "no certificate"], ids=["missing", "empty", "no certificate"])
def test_an_authority_that_cannot_be_read_is_named(
    text: str | None, viewer: Any, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = tmp_path / "authority.pem"
    if text is not None:
        authority.write_text(text)
    trust(str(authority), monkeypatch)
    assert f"cannot be asked over TLS: files.authority, {authority}, cannot be used" in refused_sentence(viewer, url)


def test_a_host_that_does_not_agree_on_tls_is_not_waited_for_as_long_as_for_an_answer(
    viewer: Any, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "CONNECT_S", 0.05)
    monkeypatch.setattr(client, "ANSWER_S", 10 * PATIENCE_S)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        CameraHost.objects.update(file_server=f"https://127.0.0.1:{listening.getsockname()[1]}")
        assert "timed out" in refused_sentence(viewer, url)
