"""A client whose station answers late, wrongly, in part, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from skycam_client import (
    AsyncClient,
    CaptureNotSaved,
    Client,
    Damaged,
    NotReached,
    RateLimited,
    SkycamError,
    Unavailable,
    UnexpectedAnswer,
)
from tests.harness.far_ends.offsite.faulty_proxy import Answer, Cut, Fault, FaultyProxy, Request, once
from tests.harness.stations.station import Station, free_port

CAPTURE = "/capture/"


@pytest.fixture
def proxy(plain_station: Station) -> Iterator[FaultyProxy]:
    """In front of the station."""
    proxy = FaultyProxy(plain_station.port)
    yield proxy
    proxy.stop()


@pytest.fixture
def client(proxy: FaultyProxy, plain_station: Station) -> Iterator[Client]:
    with Client(f"http://127.0.0.1:{proxy.port}", plain_station.api.token) as client:
        yield client


def to(part: str, method: str = "GET") -> Callable[[Request], bool]:
    return lambda request: request.method == method and part in request.path


def lose_answer(proxy: FaultyProxy) -> Fault:
    """The station carries the request out, but its answer is lost."""

    def lose(request: Request) -> Answer:
        proxy.forward(request)
        raise Cut

    return lose


def problem(type_: str, status: int, detail: str = "As the test wants.", **headers: str) -> Fault:
    body = {"type": f"/problems/{type_}", "title": "", "status": status, "detail": detail, "instance": ""}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda request: Answer(status, json.dumps(body).encode(), {"Content-Type": "application/json", **named})


def changed(found: Answer, body: bytes) -> Answer:
    kept = {name: value for name, value in found.headers.items() if name.lower() != "content-length"}
    return Answer(found.status, body, kept)


def test_a_capture_whose_answer_is_lost_is_taken_once(client: Client, proxy: FaultyProxy, camera: str) -> None:
    proxy.faults = [once(lose_answer(proxy), to(CAPTURE, "POST"))]
    capture = client.captures.take(camera, exposure_us=1000, job="lost")
    assert capture.status == "saved"
    assert [one.id for one in client.captures.list(camera=camera) if one.job == "lost"] == [capture.id]
    assert len([seen for seen in proxy.seen if CAPTURE in seen]) == 2


async def test_an_async_client_takes_it_once_too(proxy: FaultyProxy, plain_station: Station, camera: str) -> None:
    proxy.faults = [once(lose_answer(proxy), to(CAPTURE, "POST"))]
    async with AsyncClient(f"http://127.0.0.1:{proxy.port}", plain_station.api.token) as client:
        capture = await client.captures.take(camera, exposure_us=1000, job="lost twice")
        found = [one.id async for one in client.captures.list(camera=camera) if one.job == "lost twice"]
    assert found == [capture.id]


def test_a_request_that_takes_no_key_is_not_repeated(client: Client, proxy: FaultyProxy) -> None:
    proxy.faults = [lose_answer(proxy)]
    with pytest.raises(NotReached, match="It may have been carried out: look before you send it again"):
        client.webhooks.add(name="lab", url="https://lab.example.org/hook", kinds=["session.*"])
    assert proxy.seen == ["POST /api/v1/webhooks/"]
    proxy.faults = []
    (found,) = client.webhooks.list()
    client.webhooks.remove(found.id)


def test_a_row_whose_removal_was_not_answered_is_gone(client: Client, proxy: FaultyProxy) -> None:
    window = client.maintenance_windows.add(subject="balcony", duration_s=60)
    proxy.faults = [once(lose_answer(proxy), to("maintenance-windows", "DELETE"))]
    client.maintenance_windows.remove(window.id)
    assert window.id not in [one.id for one in client.maintenance_windows.list()]


def test_a_download_that_breaks_off_continues_where_it_was(
    client: Client, proxy: FaultyProxy, camera: str, tmp_path: Path
) -> None:
    capture = client.captures.take(camera, exposure_us=1000)
    ranges: list[str | None] = []

    def break_off(request: Request) -> Answer:
        ranges.append(request.headers.get("Range"))
        whole = proxy.forward(request)
        return Answer(whole.status, whole.body, whole.headers, None if len(ranges) > 1 else 1000)

    proxy.faults = [lambda request: break_off(request) if to("/file/")(request) else None]
    file = client.captures.download(capture, tmp_path)
    assert sha256(file.read_bytes()).hexdigest() == capture.sha256
    assert ranges == [None, "bytes=1000-"]
    assert [*tmp_path.iterdir()] == [file]


def test_a_file_that_is_not_the_stations_is_not_kept(
    client: Client, proxy: FaultyProxy, camera: str, tmp_path: Path
) -> None:
    capture = client.captures.take(camera, exposure_us=1000)

    def change(request: Request) -> Answer | None:
        found = proxy.forward(request)
        return changed(found, found.body[:-1] + b"x")

    proxy.faults = [change]
    with pytest.raises(Damaged, match="its checksum is another"):
        client.captures.download(capture, tmp_path)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(("type_", "status"), [("too-busy", 503), ("rate-limited", 429), ("idempotency-running", 409)])
def test_a_request_is_sent_again_when_the_station_says(
    client: Client, proxy: FaultyProxy, type_: str, status: int
) -> None:
    proxy.faults = [once(problem(type_, status, Retry_After="1"), lambda request: True)]
    window = client.maintenance_windows.add(subject="balcony", duration_s=60)
    assert len(proxy.seen) == 2
    client.maintenance_windows.remove(window.id)


def test_a_station_that_says_a_later_time_than_the_client_waits_is_not_asked_again(
    client: Client, proxy: FaultyProxy
) -> None:
    proxy.faults = [problem("rate-limited", 429, "Too many requests. Wait 3600 s.", Retry_After="3600")]
    with pytest.raises(RateLimited, match="Wait 3600 s") as caught:
        client.cameras.show("simulated")
    assert caught.value.retry_after_s == 3600
    assert len(proxy.seen) == 1


def test_a_problem_without_a_time_is_raised_at_once(client: Client, proxy: FaultyProxy) -> None:
    proxy.faults = [problem("camera-not-reachable", 503, "The camera does not answer.")]
    with pytest.raises(Unavailable, match="The camera does not answer") as caught:
        client.captures.take("simulated")
    assert caught.value.type == "camera-not-reachable"
    assert len(proxy.seen) == 1


def test_a_capture_that_was_not_saved_has_its_id_and_reason(client: Client, proxy: FaultyProxy) -> None:
    body = {"type": "/problems/disk-full", "status": 507, "detail": "Full.", "capture": "an id", "reason": "disk_full"}
    proxy.faults = [lambda request: Answer(507, json.dumps(body).encode())]
    with pytest.raises(CaptureNotSaved) as caught:
        client.captures.take("simulated")
    assert (caught.value.type, caught.value.capture, caught.value.reason) == ("disk-full", "an id", "disk_full")


def test_fields_of_a_newer_station_are_left_out(client: Client, proxy: FaultyProxy) -> None:
    def add_field(request: Request) -> Answer:
        found = proxy.forward(request)
        return changed(found, json.dumps({**json.loads(found.body), "newer": 1}).encode())

    proxy.faults = [add_field]
    assert client.cameras.show("simulated").slug == "simulated"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (Answer(404, b"<html>nginx</html>"), "Is it the address of a station"),
        (Answer(200, b"<html>Welcome</html>"), "cannot be read"),
        (Answer(200, b'{"slug": 1}'), "Install the version of skycam-client that belongs to the station"),
    ],
)
def test_an_answer_of_something_else_is_said_to_be_none(
    client: Client, proxy: FaultyProxy, answer: Answer, sentence: str
) -> None:
    proxy.faults = [lambda request: answer]
    with pytest.raises(UnexpectedAnswer, match=sentence):
        client.cameras.show("simulated")


def test_a_station_that_is_away_is_not_waited_for_beyond_the_time() -> None:
    with (
        Client(f"http://127.0.0.1:{free_port()}", retry_for_s=0.6) as client,
        pytest.raises(NotReached, match="Check its address, and that it runs"),
    ):
        client.cameras.show("simulated")


def test_whatever_a_client_raises_is_one_of_its_errors() -> None:
    found = (CaptureNotSaved, Damaged, NotReached, RateLimited, Unavailable, UnexpectedAnswer)
    assert all(issubclass(one, SkycamError) for one in found)


def test_a_station_that_comes_back_answers_what_was_asked_meanwhile(client: Client, proxy: FaultyProxy) -> None:
    def come_back(request: Request) -> Answer | None:
        raise Cut

    proxy.faults = [once(come_back, lambda request: True)]
    assert client.cameras.show("simulated").slug == "simulated"
