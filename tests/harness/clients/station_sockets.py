"""A WebSocket of a running station, opened as `admin`."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.harness.stations.station import Station

BINARY = "skycam.live.v1"


def open_socket(
    station: Station, address: str, *subprotocols: Any, **options: Any
) -> AbstractAsyncContextManager[ClientConnection]:
    """Other users give their own `additional_headers`."""
    headers = options.pop("additional_headers", station.api.authorization)
    return connect(
        f"ws://127.0.0.1:{station.port}{address}", subprotocols=subprotocols or None, additional_headers=headers,
        compression=None, max_size=None, **options,
    )  # fmt: skip
