"""Network addresses: which are loopback or stand for all addresses of the machine, and which the station may connect
to when a user gives them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from pydantic import field_validator

from core.addresses import is_loopback_host as is_loopback
from core.outgoing import OutgoingGuard
from skycam_project.config.keys import Section, key

__all__ = ["is_everywhere", "is_loopback"]


def is_everywhere(host: str) -> bool:
    """Whether a server that listens on `host` is reachable at every address of the machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


RANGES = "a list of networks such as 10.0.0.0/8 or fd00::/8"
REDIS_PORT, POSTGRESQL_PORT = 6379, 5432


class NetworkConfig(Section):
    """Networks that cameras' addresses may or may not lead to."""

    refused_ranges: list[str] = key(
        [], "Networks that cameras' addresses must not lead to, in addition to the built-in list.", RANGES
    )
    allowed_ranges: list[str] = key(
        [],
        "Networks that cameras' addresses may lead to although another range refuses them; the narrower range decides.",
        RANGES,
    )

    @field_validator("refused_ranges", "allowed_ranges")
    @classmethod
    def networks(cls, values: list[str]) -> list[str]:
        try:
            return [str(ipaddress.ip_network(value.strip())) for value in values]
        except ValueError:
            raise ValueError from None


def outgoing_guard(
    network: NetworkConfig, ports: list[int], brokers: Iterable[str], database: Mapping[str, Any]
) -> OutgoingGuard:
    """The guard of `network.*`, which also refuses the station's own `ports`, its `brokers` (URLs) and its `database`
    (as in Django's DATABASES)."""
    services = [*(place for url in brokers for place in _broker(url)), *_database(database)]
    return OutgoingGuard(network.refused_ranges, network.allowed_ranges, ports, services)


def _broker(url: str) -> list[tuple[str, int]]:
    parts = urlsplit(url)
    return [(parts.hostname, parts.port or REDIS_PORT)] if parts.scheme != "unix" and parts.hostname else []


def _database(database: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Host and port of each PostgreSQL server, of which there may be several. Empty for SQLite and for a socket."""
    hosts = str(database.get("HOST", "")).split(",")
    # libpq pairs hosts with ports, or uses one port for all hosts. Refusing each combination covers both.
    ports = [int(port or POSTGRESQL_PORT) for port in str(database.get("PORT", "")).split(",")]
    return [(host, port) for host in hosts if host and not host.startswith("/") for port in ports]
