"""Limits a server's connections, in total and per address, and closes idle ones to make room."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from uvicorn.middleware.proxy_headers import _TrustedHosts

from core.addresses import client_network
from core.limits.refusals import count_refusal
from core.open_files import connections_within, raise_limit
from skycam_project.config.web import LimitsConfig


class ConnectionLimiter:
    """Used by one event loop. A connection is idle while the server waits for its client. The connection that has been
    idle longest is closed for a new one, so that clients that hold connections open lock no one out."""

    def __init__(self, limits: LimitsConfig, proxies: list[str]) -> None:
        self.limits = limits
        self.most = min(limits.connections, connections_within(raise_limit()))
        # uvicorn's own rule, so that the limits and X-Forwarded-For trust the same addresses.
        self._proxies = _TrustedHosts(proxies)
        self._addresses: dict[asyncio.Transport, str] = {}
        self._count: Counter[str] = Counter()
        # In the order in which they became idle: the first one has been idle longest.
        self._idle: dict[asyncio.Transport, None] = {}

    def admit(self, transport: asyncio.Transport) -> bool:
        """Whether the connection is accepted. It may take the slot of an idle one, which is closed."""
        address = self._address_of(transport)
        if address and self._count[address] >= self.limits.connections_per_address:
            if not self._close_idle(address):
                count_refusal("connections of an address")
                return False
        elif len(self._addresses) >= self.most and not self._close_idle(None):
            count_refusal("connections")
            return False
        self._addresses[transport] = address
        self._count[address] += 1
        # Idle until its first request is complete: a client that sends nothing is closed for a new one.
        self._idle[transport] = None
        return True

    def mark_idle(self, transport: asyncio.Transport) -> None:
        # The response of a connection that `_close_idle` has just closed may still complete.
        if transport in self._addresses:
            self._idle[transport] = None

    def mark_active(self, transport: asyncio.Transport) -> None:
        self._idle.pop(transport, None)

    def remove(self, transport: asyncio.Transport) -> None:
        # Called twice for a connection that `_close_idle` closed: the second time by its connection_lost().
        address = self._addresses.pop(transport, None)
        self._idle.pop(transport, None)
        if address is None:
            return
        self._count[address] -= 1
        if not self._count[address]:
            del self._count[address]

    def _address_of(self, transport: Any) -> str:
        """Empty for a trusted proxy, which many clients share, and for a connection without an address."""
        peer = transport.get_extra_info("peername")
        host = peer[0] if isinstance(peer, tuple) else ""
        return "" if host in self._proxies else client_network(host)

    def _close_idle(self, address: str | None) -> bool:
        """Close the connection that has been idle longest, of this address or of all. False when none is idle."""
        candidates = (one for one in self._idle if address is None or self._addresses[one] == address)
        found = next(candidates, None)
        if found is None:
            return False
        count_refusal("quiet connections")
        # The slot is needed now, and abort() calls connection_lost() later. close() would first send what is buffered,
        # to a client that may not read.
        self.remove(found)
        found.abort()
        return True
