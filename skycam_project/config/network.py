"""Which addresses the station may connect to when a user gives them."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import field_validator

from core.outgoing import OutgoingGuard
from skycam_project.config.database import django_database
from skycam_project.config.keys import Section, key

if TYPE_CHECKING:
    from skycam_project.config.model import SkycamConfig

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


def outgoing_guard(config: SkycamConfig) -> OutgoingGuard:
    """The guard of `network.*`, which also refuses the station's own ports, its broker and its database."""
    ports = [config.web.port, config.service.port, config.monitoring.prometheus.port]
    services = [*_broker(config.redis_url), *_broker(config.camera_redis_url), *_database(config)]
    return OutgoingGuard(config.network.refused_ranges, config.network.allowed_ranges, ports, services)


def _broker(url: str) -> list[tuple[str, int]]:
    parts = urlsplit(url)
    return [(parts.hostname, parts.port or REDIS_PORT)] if parts.scheme != "unix" and parts.hostname else []


def _database(config: SkycamConfig) -> list[tuple[str, int]]:
    """Host and port of each PostgreSQL server, of which there may be several. Empty for SQLite and for a socket."""
    found = django_database(config.database_url, config.data)
    hosts = str(found.get("HOST", "")).split(",")
    ports = [int(port or POSTGRESQL_PORT) for port in str(found.get("PORT", "")).split(",")]
    return [(host, port) for host in hosts if host and not host.startswith("/") for port in ports]
