"""HTTP for boto3 whose connections all go through the guard of outgoing connections. Django-free.

botocore emits `before-send` for each request and uses what the handler answers. Its own sessions, which resolve names
themselves and follow the proxies of the environment, are unused. No redirect is followed.
"""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import urlsplit

import urllib3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from captures.offsite.destinations.port import DestinationError
from core.outgoing import AddressRefused, OutgoingGuard

CONNECT_S, STALL_S = 10.0, 30.0
"""Seconds to connect, and without any byte from the server."""


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
        answer = self._manager.connection_from_url(request.url).urlopen(
            request.method, target, body=request.body, headers=headers, retries=False, redirect=False,
            assert_same_host=False, preload_content=False, decode_content=False,
        )  # fmt: skip
        response = AWSResponse(request.url, answer.status, answer.headers, answer)
        if 300 <= answer.status < 400 and answer.status != 304:
            response.raw.close()
            raise DestinationError(
                "The server redirects to another address. Give the endpoint and the region of the bucket."
            )
        if not request.stream_output:
            # Read now: the connection is free for the next request.
            _ = response.content
        return response

    def close(self) -> None:
        self._manager.clear()


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
