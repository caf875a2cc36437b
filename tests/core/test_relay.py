"""The relay between two connections, which are those of a socket pair, plain or with TLS towards the host."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from core import relay
from core.relay import Relay, RelayFailed
from tests.harness.far_ends.network.encrypted import certificate
from tests.harness.waiting import PATIENCE_S

SIZE = 3 << 20
"""More than a pipe and the buffers of the sockets hold."""


class Ends:
    """`host` sends to `source`; what is sent to `target` comes to `client`. `pair`: a file with the key of the host and
    its certificate, for TLS."""

    def __init__(self, pair: Path | None = None) -> None:
        self.host, self.source = socket.socketpair()
        if pair is not None:
            self._agree_on_tls(pair)
        self.target, self.client = socket.socketpair()
        self.target.setblocking(False)

    def _agree_on_tls(self, pair: Path) -> None:
        theirs, ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context(cafile=pair)
        theirs.load_cert_chain(pair)
        with ThreadPoolExecutor(1) as pool:
            host = pool.submit(theirs.wrap_socket, self.host, server_side=True)
            self.source = ours.wrap_socket(self.source, server_hostname="dome")
            self.host = host.result(PATIENCE_S)

    def close(self) -> None:
        for one in (self.host, self.source, self.target, self.client):
            one.close()


@pytest.fixture(params=["plain", "tls"])
def ends(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ends]:
    with closing(Ends({"plain": None, "tls": certificate(tmp_path, "dome")}[request.param])) as ends:
        yield ends


async def relay_of(ends: Ends, length: int) -> None:
    await asyncio.wait_for(Relay(ends.source, ends.target.fileno(), length).run(), PATIENCE_S)


def receive_all(client: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size and (chunk := client.recv(size - len(found))):
        found += chunk
    return bytes(found)


def test_all_bytes_arrive_also_when_both_sides_are_slow(ends: Ends) -> None:
    content = os.urandom(SIZE)

    async def run() -> bytes:
        sent = asyncio.to_thread(ends.host.sendall, content)
        received = asyncio.to_thread(receive_all, ends.client, SIZE)
        return (await asyncio.gather(relay_of(ends, SIZE), sent, received))[2]

    assert asyncio.run(run()) == content


def test_a_source_that_ends_early_fails(ends: Ends) -> None:
    ends.host.sendall(b"half")
    ends.host.close()
    with pytest.raises(RelayFailed, match="ended early"):
        asyncio.run(relay_of(ends, 8))
    assert ends.client.recv(8) == b"half"


def test_bytes_of_another_answer_behind_the_file_are_not_copied(ends: Ends) -> None:
    ends.host.sendall(b"the filemore")
    asyncio.run(relay_of(ends, 8))
    ends.target.close()
    assert receive_all(ends.client, 12) == b"the file"


def test_a_source_that_sends_nothing_more_fails(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "STALLED_S", 0.05)
    ends.host.sendall(b"half")
    with pytest.raises(RelayFailed, match=r"has sent nothing for 0\.05 s"):
        asyncio.run(relay_of(ends, 8))


def test_a_client_that_pauses_is_waited_for(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "STALLED_S", 0.05)

    async def run() -> None:
        filling = asyncio.ensure_future(asyncio.to_thread(ends.host.sendall, bytes(SIZE)))
        relaying = asyncio.ensure_future(relay_of(ends, SIZE))
        done, _ = await asyncio.wait([relaying], timeout=0.5)  # time: ten times that of a stalled source
        assert not done
        await asyncio.to_thread(receive_all, ends.client, SIZE)
        await asyncio.gather(relaying, filling)

    asyncio.run(run())


def test_a_relay_that_is_cancelled_closes_its_pipe(ends: Ends) -> None:
    before = len(os.listdir("/proc/self/fd"))

    async def run() -> None:
        relaying = asyncio.ensure_future(relay_of(ends, 8))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        relaying.cancel()
        await asyncio.gather(relaying, return_exceptions=True)

    asyncio.run(run())
    assert len(os.listdir("/proc/self/fd")) == before
