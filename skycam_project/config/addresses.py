"""Whether a host name or address is loopback, or stands for all addresses of the machine."""

from __future__ import annotations

import ipaddress

from core.addresses import is_loopback_host as is_loopback

__all__ = ["is_everywhere", "is_loopback"]


def is_everywhere(host: str) -> bool:
    """Whether a server that listens on `host` is reachable at every address of the machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
