"""Files of another host: a real file server on loopback, and the web's answers from it."""

from __future__ import annotations

import http.client
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from cameras.models import Camera, CameraHost
from captures.files.host_files import addresses
from captures.files.host_files.addresses import FileAddress
from captures.files.host_files.client import HostAnswer, HostBody
from captures.files.host_files.server import FileServer
from captures.models import CaptureFile, StorageRoot
from tests.harness.clients.responses import content
from tests.harness.far_ends.file_server import DOME, file_server, give_to_dome
from tests.harness.rows.captures import PICTURE, file_of, saved
from tests.harness.waiting import PATIENCE_S, eventually


@pytest.fixture
def server() -> Iterator[FileServer]:
    with file_server() as server:
        yield server


@pytest.fixture
def dome(root: StorageRoot, server: FileServer) -> StorageRoot:
    """A storage root of the host dome."""
    give_to_dome(root, f"http://127.0.0.1:{server.server_address[1]}")
    return root


@pytest.fixture
def picture(camera: Camera, dome: StorageRoot) -> CaptureFile:
    return file_of(saved(camera), dome)


@pytest.fixture
def picture_url(picture: CaptureFile) -> str:
    return f"/api/v1/captures/{picture.capture_id}/file/"


def ask(server: FileServer, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    port = int(server.server_address[1])
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)) as connection:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_the_web_sends_the_file_of_another_host_with_its_validators(
    viewer: Any, picture: CaptureFile, picture_url: str
) -> None:
    answer = viewer.get(picture_url)
    assert answer.status_code == 200
    assert content(answer) == PICTURE
    assert answer["ETag"] == f'"{picture.sha256}"'
    assert answer["Content-Length"] == str(len(PICTURE))
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["Accept-Ranges"] == "bytes"
    assert answer["Cache-Control"] == "private, no-cache"
    assert answer["Last-Modified"]
    assert answer["Content-Disposition"] == f'inline; filename="{picture.capture_id}.jpg"'


def test_a_range_is_relayed(viewer: Any, picture_url: str) -> None:
    answer = viewer.get(picture_url, headers={"range": "bytes=100-199"})
    assert answer.status_code == 206
    assert content(answer) == PICTURE[100:200]
    assert answer["Content-Range"] == f"bytes 100-199/{len(PICTURE)}"


def test_a_range_after_the_end_is_refused_with_the_size(viewer: Any, picture_url: str) -> None:
    answer = viewer.get(picture_url, headers={"range": "bytes=99999-"})
    assert answer.status_code == 416
    assert answer["Content-Range"] == f"bytes */{len(PICTURE)}"


def test_if_range_with_another_etag_gives_the_whole_file(viewer: Any, picture_url: str) -> None:
    answer = viewer.get(picture_url, headers={"range": "bytes=0-9", "if-range": '"another"'})
    assert answer.status_code == 200
    assert content(answer) == PICTURE


def test_a_file_that_the_client_has_is_not_sent_again(viewer: Any, picture: CaptureFile, picture_url: str) -> None:
    answer = viewer.get(picture_url, headers={"if-none-match": f'"{picture.sha256}"'})
    assert answer.status_code == 304
    assert answer.content == b""


def test_head_has_all_headers_and_no_body(viewer: Any, picture_url: str) -> None:
    answer = viewer.head(picture_url)
    assert answer.status_code == 200
    assert answer["Content-Length"] == str(len(PICTURE))
    assert answer.content == b""


def test_a_file_that_is_gone_there_is_missing(viewer: Any, picture: CaptureFile, picture_url: str) -> None:
    Path(picture.root.path, picture.path).unlink()
    answer = viewer.get(picture_url)
    assert answer.status_code == 404
    assert "cannot be opened: No such file" in answer.json()["detail"]


def test_a_host_that_does_not_answer_is_named_with_the_time(viewer: Any, picture_url: str, server: FileServer) -> None:
    server.shutdown()
    server.socket.close()
    answer = viewer.get(picture_url)
    assert answer.status_code == 503
    assert answer["Retry-After"] == "10"
    assert answer.json()["type"] == "/problems/host-down"
    assert answer.json()["host"] == DOME
    assert "Connection refused" in answer.json()["detail"]


def test_nginx_may_fetch_the_file_instead(
    viewer: Any, picture_url: str, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = settings.STATION.files.model_copy(update={"x_accel": "/hosts/"})
    monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update={"files": files}))
    answer = viewer.get(picture_url)
    assert answer.status_code == 200
    place = f"/hosts/http/127.0.0.1:{server.server_address[1]}"
    assert answer["X-Accel-Redirect"].startswith(f"{place}/file/")
    assert ask(server, answer["X-Accel-Redirect"].removeprefix(place)) == (200, PICTURE)


def test_an_address_without_a_signature_or_with_another_is_refused(server: FileServer, picture: CaptureFile) -> None:
    signed = FileAddress.of(picture).sign()
    payload, _, signature = signed.rpartition(":")
    other = FileAddress.of(picture, form="other").sign().rpartition(":")[2]
    forged = ["/file/", "/", payload, f"{payload}:", f"{payload}:{other}", f"{payload}x:{signature}", signed[:-1]]
    assert [ask(server, path)[0] for path in forged] == [403] * len(forged)
    assert ask(server, signed)[0] == 200


def test_an_address_opens_its_file_for_ten_minutes(
    server: FileServer, picture: CaptureFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "LIFETIME_S", -1)
    status, body = ask(server, FileAddress.of(picture).sign())
    assert (status, body) == (403, b"The address has expired.")


def test_an_address_of_another_host_or_root_is_refused(server: FileServer, picture: CaptureFile) -> None:
    address = FileAddress.of(picture)
    assert ask(server, replace(address, host="roof").sign())[0] == 403
    assert ask(server, replace(address, root="00000000-0000-0000-0000-000000000000").sign())[0] in {403, 503}


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "captures/../../secret", "link/secret", "out.jpg", ""])
def test_no_signed_path_leaves_the_root(path: str, server: FileServer, picture: CaptureFile, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    Path(picture.root.path, "link").symlink_to(tmp_path)
    Path(picture.root.path, "out.jpg").symlink_to(tmp_path / "secret")
    status, body = ask(server, replace(FileAddress.of(picture), path=path, bytes=6).sign())
    assert status == 404
    assert body != b"secret"


def test_a_file_of_another_size_than_its_row_is_not_sent(server: FileServer, picture: CaptureFile) -> None:
    status, body = ask(server, replace(FileAddress.of(picture), bytes=5).sign())
    assert status == 404
    assert b"but was stored with 5" in body


def test_a_client_that_leaves_frees_its_thread_and_its_file(server: FileServer, picture: CaptureFile) -> None:
    with beginning_of_big_file(server, picture) as big:
        pass
    eventually(lambda: open_files(big) == 0, "the file is closed")


def test_a_body_that_has_not_come_yet_is_not_waited_for_in_the_event_loop() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
    with socket.create_server(("127.0.0.1", 0)) as listening:
        connection = http.client.HTTPConnection(*listening.getsockname(), timeout=PATIENCE_S)
        connection.request("GET", "/")
        host, _ = listening.accept()
        host.sendall(head)
        connected, response = connection.sock, connection.getresponse()
        answer = HostAnswer(200, dict(response.headers.items()), response, connected, connection)
        with closing(host), closing(HostBody(answer)) as body:
            assert body.take_socket() == (b"", connected, 100)


@contextmanager
def beginning_of_big_file(server: FileServer, picture: CaptureFile) -> Iterator[Path]:
    """A file of 1 GiB, while a client has received the head of its answer and takes no more."""
    big = Path(picture.root.path, "big.mp4")
    with big.open("wb") as file:
        file.truncate(1 << 30)
    address = replace(FileAddress.of(picture), path="big.mp4", bytes=1 << 30).sign()
    with socket.create_connection(("127.0.0.1", int(server.server_address[1]))) as client:
        client.sendall(f"GET {address} HTTP/1.1\r\nHost: dome\r\n\r\n".encode())
        assert client.recv(100).startswith(b"HTTP/1.1 200")
        yield big


def open_files(path: Path) -> int:
    links = [Path("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
    return sum(os.path.exists(link) and os.readlink(link) == str(path) for link in links)


def test_a_client_that_takes_nothing_for_too_long_loses_its_place(server: FileServer, picture: CaptureFile) -> None:
    server.stalled_s = 1
    with beginning_of_big_file(server, picture) as big:
        eventually(lambda: open_files(big) == 0, "the file is closed while its client is there")


def test_a_host_that_breaks_off_its_refusal_is_one_that_does_not_answer(viewer: Any, picture_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        CameraHost.objects.update(file_server=f"http://127.0.0.1:{listening.getsockname()[1]}")
        host = threading.Thread(target=refuse_and_leave, args=(listening,))
        host.start()
        answer = viewer.get(picture_url)
        host.join()
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/host-down"
    assert "broke off its answer" in answer.json()["detail"]


def refuse_and_leave(listening: socket.socket) -> None:
    connected, _ = listening.accept()
    with connected:
        connected.recv(10_000)
        connected.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nThe")
