"""How many connections a server keeps, in all and of one address, and which of them goes when there is no room."""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from typing import Any

from uvicorn.middleware.proxy_headers import _TrustedHosts

from core.addresses import block_of
from core.refusals import count_refusal
from skycam_project.config.sections import LimitsConfig

RESERVED_FILES = 256
"""For everything else that the process opens."""


class ConnectionLimiter:
    """Used by one event loop. A connection is quiet while the next word is its client's: then it may be cut off for a
    new one, the quietest first, so that those who hold connections open keep nobody out."""

    def __init__(self, limits: LimitsConfig, proxies: list[str]) -> None:
        self.limits = limits
        self.most = min(limits.connections, raise_open_file_limit() - RESERVED_FILES)
        self._proxies = _TrustedHosts(proxies)
        self._addresses: dict[asyncio.Transport, str] = {}
        self._count: Counter[str] = Counter()
        self._idle: dict[asyncio.Transport, None] = {}

    def admit(self, transport: asyncio.Transport) -> bool:
        """Whether there is a place for it, perhaps that of another."""
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
        self._idle[transport] = None
        return True

    def mark_idle(self, transport: asyncio.Transport) -> None:
        if transport in self._addresses:
            self._idle[transport] = None

    def mark_active(self, transport: asyncio.Transport) -> None:
        self._idle.pop(transport, None)

    def remove(self, transport: asyncio.Transport) -> None:
        address = self._addresses.pop(transport, None)
        self._idle.pop(transport, None)
        if address is None:
            return
        self._count[address] -= 1
        if not self._count[address]:
            del self._count[address]

    def _address_of(self, transport: Any) -> str:
        """Empty for a proxy of ours, behind which there are many, and where there is none."""
        peer = transport.get_extra_info("peername")
        host = peer[0] if isinstance(peer, tuple) else ""
        return "" if host in self._proxies else block_of(host)

    def _close_idle(self, address: str | None) -> bool:
        """End the connection that has been quiet for longest, of this address or of all. False when there is none."""
        candidates = (one for one in self._idle if address is None or self._addresses[one] == address)
        found = next(candidates, None)
        if found is None:
            return False
        count_refusal("quiet connections")
        self.remove(found)
        found.abort()
        return True


def raise_open_file_limit() -> int:
    """How many files this process may have open, after it has asked for as many as it may ask for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):
        return soft
    return 1_000_000 if hard == resource.RLIM_INFINITY else hard
