"""Rights that are revoked while someone watches, on a running station with its web process and command line."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest_asyncio

from tests.harness.clients.station_sockets import BINARY, open_socket
from tests.harness.clients.viewers import LIVE, REQUEST
from tests.harness.stations.command_line import run
from tests.harness.stations.station import Station
from tests.harness.waiting import PATIENCE_S, eventually

FRAME = "/api/v1/cameras/simulated/frame.jpg"
STREAM = "/api/v1/cameras/simulated/stream.mjpeg"
PASSWORD = "quite a good password"


class Stream:
    """`stream.mjpeg` as a program reads it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def picture(self) -> None:
        await asyncio.wait_for(self.reader.readuntil(b"Content-Type: image/jpeg"), PATIENCE_S)

    async def ends(self) -> None:
        """Read until the stream ends; TimeoutError if it does not."""
        async with asyncio.timeout(PATIENCE_S):
            while await self.reader.read(1 << 16):
                pass

    def close(self) -> None:
        self.writer.transport.abort()


def gives_pictures(station: Station) -> bool:
    """The first picture after a pause may take longer than a request waits."""
    request = urllib.request.Request(f"http://127.0.0.1:{station.port}{FRAME}", headers=station.api.authorization)
    try:
        urllib.request.urlopen(request, timeout=PATIENCE_S).close()
    except urllib.error.HTTPError:
        return False
    return True


@contextlib.asynccontextmanager
async def stream(station: Station, token: dict[str, str]) -> AsyncIterator[Stream]:
    """A stream that has sent its first picture."""
    await asyncio.to_thread(eventually, lambda: gives_pictures(station), "the camera gives pictures")
    reader, writer = await asyncio.open_connection("127.0.0.1", station.port, limit=1 << 24)
    opened = Stream(reader, writer)
    head = ["Host: localhost", "Connection: close", f"Authorization: {token['Authorization']}"]
    writer.write("\r\n".join([f"GET {STREAM} HTTP/1.1", *head, "", ""]).encode())
    try:
        await opened.picture()
        yield opened
    finally:
        opened.close()


async def skycam(station: Station, *words: str) -> str:
    done = await asyncio.to_thread(run, station.data, *words, **station.environment)
    assert done.status == 0, done.stderr
    return done.stdout


def token_of(station: Station, name: str) -> dict[str, str]:
    body = station.api.request("POST", "/api/v1/auth/token/", {"username": name, "password": PASSWORD}).body
    return {"Authorization": f"Token {body['token']}"}


@dataclass(frozen=True)
class SignedIn:
    """A viewer with a token."""

    name: str
    headers: dict[str, str]


@pytest_asyncio.fixture(loop_scope="function")
async def ben(plain_station: Station) -> AsyncIterator[SignedIn]:
    name = f"ben-{secrets.token_hex(4)}"
    await skycam(plain_station, "users", "add", name, "--role", "viewer", "--password", PASSWORD)
    yield SignedIn(name, await asyncio.to_thread(token_of, plain_station, name))
    await skycam(plain_station, "users", "remove", name)


async def test_a_stream_ends_with_the_role_after_the_first_viewer_has_left(
    plain_station: Station, ben: SignedIn
) -> None:
    async with (
        stream(plain_station, plain_station.api.authorization) as first,
        stream(plain_station, ben.headers) as second,
    ):
        first.close()
        await second.picture()
        await skycam(plain_station, "users", "set", ben.name, "--role", "none")
        await second.ends()


async def test_a_socket_closes_with_the_role_after_the_first_viewer_has_left(
    plain_station: Station, ben: SignedIn
) -> None:
    async with (
        stream(plain_station, plain_station.api.authorization) as first,
        open_socket(plain_station, LIVE, BINARY, additional_headers=ben.headers) as second,
    ):
        first.close()
        await second.send(REQUEST)
        await skycam(plain_station, "users", "set", ben.name, "--role", "none")
        await asyncio.wait_for(second.wait_closed(), PATIENCE_S)
        assert second.close_code in {4401, 4403}
