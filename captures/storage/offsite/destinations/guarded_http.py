"""HTTP for boto3 whose connections all go through the guard of outgoing connections. Django-free.

botocore emits `before-send` for each request and uses what the handler answers. Its own sessions, which resolve names
themselves and follow the proxies of the environment, are unused. No redirect is followed.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import urllib3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from captures.storage.offsite.destinations.port import CHUNK_BYTES, DestinationError, Pace
from core.outgoing import AddressRefused, OutgoingGuard
from core.text.names import readable

CONNECT_S, STALL_S = 10.0, 30.0
"""Seconds to connect, and without any byte from the server."""
SLOW_S, LEAST_BYTES_PER_S = 60.0, 1000


class GuardedHttp:
    """The handler of `before-send`."""

    def __init__(self, guard: OutgoingGuard, stall_s: float = STALL_S) -> None:
        self._manager = urllib3.PoolManager(
            num_pools=4, maxsize=1, retries=False, timeout=urllib3.Timeout(connect=CONNECT_S, read=stall_s)
        )
        self._manager.pool_classes_by_scheme = pool_classes(guard)

    def send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        parts = urlsplit(request.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        # No answer is awaited before the body: the header, which is not signed, would only delay it.
        headers = {name: value for name, value in request.headers.items() if name.lower() != "expect"}
        if isinstance(request.body, PacedBody):
            request.body.start()
        answer = self._manager.connection_from_url(request.url).urlopen(
            request.method, target, body=request.body, headers=headers, retries=False, redirect=False,
            assert_same_host=False, preload_content=False, decode_content=False,
        )  # fmt: skip
        response = AWSResponse(request.url, answer.status, answer.headers, PacedAnswer(answer))
        if 300 <= answer.status < 400 and answer.status != 304:
            response.raw.close()
            if region := answer.headers.get("x-amz-bucket-region"):
                raise other_region(region)
            raise DestinationError(
                "The server redirects to another address. Give the endpoint and the region of the bucket."
            )
        if not request.stream_output:
            # Read now: the connection is free for the next request.
            _ = response.content
        return response

    def close(self) -> None:
        self._manager.clear()


class PacedBody(io.RawIOBase):
    """The body of a request: each read waits for the limit of bandwidth, once `start` was called. Before that botocore
    may read it for its signature."""

    def __init__(self, content: bytes, pace: Pace) -> None:
        super().__init__()
        self._content, self._pace, self._place = content, pace, 0
        self._speed: Speed | None = None

    def start(self) -> None:
        self._speed = Speed()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: len(self._content)}[whence] + offset
        return self._place

    def tell(self) -> int:
        return self._place

    def __len__(self) -> int:
        return len(self._content)

    def read(self, size: int | None = -1) -> bytes:
        end = len(self._content) if size is None or size < 0 else self._place + size
        chunk = self._content[self._place : end]
        self._place += len(chunk)
        if self._speed is not None:
            # Between two reads the network had the last chunk.
            self._speed.pause(len(chunk))
            self._pace.take_bytes(len(chunk))
            self._speed.resume()
        return chunk


class PacedAnswer:
    """What botocore uses of an answer. A read returns what one call to the network gave, so that a server that sends a
    byte now and then is noticed."""

    def __init__(self, answer: urllib3.BaseHTTPResponse) -> None:
        self._answer, self._speed = answer, Speed()

    def read(self, size: int | None = None) -> bytes:
        if size is None:
            return b"".join(self.stream())
        self._speed.resume()
        chunk = self._answer.read1(size)
        self._speed.pause(len(chunk))
        return chunk

    def stream(self) -> Iterator[bytes]:
        while chunk := self.read(CHUNK_BYTES):
            yield chunk

    def close(self) -> None:
        self._answer.close()


class Speed:
    """Notices a server that is slower than LEAST_BYTES_PER_S over SLOW_S seconds, without the waits for the limit of
    bandwidth."""

    def __init__(self) -> None:
        self._bytes, self._busy_s = 0, 0.0
        self._since: float | None = None

    def resume(self) -> None:
        self._since = time.monotonic()

    def pause(self, count: int) -> None:
        """After `count` bytes. DestinationError."""
        if self._since is not None:
            self._busy_s += time.monotonic() - self._since
        self._since = None
        self._bytes += count
        if self._busy_s > SLOW_S:
            if self._bytes < LEAST_BYTES_PER_S * self._busy_s:
                raise DestinationError("The server is too slow.")
            self._bytes, self._busy_s = 0, 0.0


def other_region(region: str) -> DestinationError:
    """`region` is what the server says."""
    named = readable(region)[:60]
    return DestinationError(f"The bucket is in another region: {named}. Set region={named} of the destination.")


def pool_classes(guard: OutgoingGuard) -> dict[str, type[HTTPConnectionPool]]:
    """Scheme -> a pool whose connections go to checked addresses."""

    class Connection(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return connect(guard, self.host, self.port, CONNECT_S)

    class SecureConnection(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return connect(guard, self.host, self.port, CONNECT_S)

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = SecureConnection

    return {"http": Pool, "https": SecurePool}


def connect(guard: OutgoingGuard, host: str, port: int | None, timeout_s: float) -> socket.socket:
    """DestinationError, with a sentence."""
    try:
        return guard.connect(host, port or 0, timeout_s)
    except AddressRefused as error:
        raise DestinationError(f"The address {error}") from error
    except OSError as error:
        why = error.strerror or str(error) or type(error).__name__
        raise DestinationError(f"No connection to {host}, port {port}: {why}.") from error
