"""Which addresses the station may connect to, for whoever gives them."""

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
    """Where cameras' addresses may lead."""

    refused_ranges: list[str] = key([], "Networks that cameras' addresses may not lead to, besides the usual.", RANGES)
    allowed_ranges: list[str] = key(
        [], "Networks that they may lead to all the same; of two ranges the narrower one decides.", RANGES
    )

    @field_validator("refused_ranges", "allowed_ranges")
    @classmethod
    def networks(cls, values: list[str]) -> list[str]:
        try:
            return [str(ipaddress.ip_network(value.strip())) for value in values]
        except ValueError:
            raise ValueError from None


def outgoing_guard(config: SkycamConfig) -> OutgoingGuard:
    """What `network.*` says, and that nothing leads to the station's own ports, its broker or its database."""
    ports = [config.web.port, config.service.port, config.monitoring.prometheus.port]
    services = [*_broker(config.redis_url), *_broker(config.camera_redis_url), *_database(config)]
    return OutgoingGuard(config.network.refused_ranges, config.network.allowed_ranges, ports, services)


def _broker(url: str) -> list[tuple[str, int]]:
    parts = urlsplit(url)
    return [(parts.hostname, parts.port or REDIS_PORT)] if parts.scheme != "unix" and parts.hostname else []


def _database(config: SkycamConfig) -> list[tuple[str, int]]:
    """None of a SQLite file, nor of a socket; a PostgreSQL may have several hosts."""
    found = django_database(config.database_url, config.data)
    hosts = str(found.get("HOST", "")).split(",")
    ports = [int(port or POSTGRESQL_PORT) for port in str(found.get("PORT", "")).split(",")]
    return [(host, port) for host in hosts if host and not host.startswith("/") for port in ports]
