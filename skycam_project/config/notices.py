"""Warnings about a configuration that works. Their codes are the ids of system checks."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from skycam_project.config.keys import Key
from skycam_project.config.model import Notice, SkycamConfig
from skycam_project.config.network import is_loopback
from skycam_project.config.sections import LoggingConfig

SHORT_SECRET = 32


def notices(config: SkycamConfig) -> Iterator[Notice]:
    web = config.web
    if not is_loopback(web.host) and not web.tls:
        yield Notice(
            "W001",
            f"The web server listens on {web.host} without TLS: passwords and pictures can be read on the network. "
            "Put a TLS proxy in front and set web.tls, or set web.host to 127.0.0.1.",
        )
    service = config.service
    if service.enabled and service.listens_on != service.host:
        yield Notice(
            "W006",
            f"The PixeLink service listens only on {service.listens_on}, not on {service.host}, because no token is "
            "set. Set SERVICE_TOKEN; clients must then send it.",
        )
    prometheus = config.monitoring.prometheus
    if prometheus.enabled and prometheus.listens_on != prometheus.host:
        yield Notice(
            "W007",
            f"Metrics are served only on {prometheus.listens_on}, not on {prometheus.host}, because no token is set. "
            "Set PROMETHEUS_TOKEN; Prometheus must then send it.",
        )
    if config.logging.file and not may_write(config.logging):
        yield Notice(
            "W002",
            f"The log file {config.logging.file} cannot be written, or cannot be rotated in its folder. "
            "The log is written to <data>/logs/skycam.log instead.",
        )
    if web.debug and not is_loopback(web.host):
        yield Notice(
            "W003", f"web.debug is ignored, because the web server listens on {web.host}, not only on loopback."
        )
    if 0 < len(web.secret_key) < SHORT_SECRET:
        yield Notice(
            "W004",
            f"DJANGO_SECRET_KEY is shorter than {SHORT_SECRET} characters and may be guessed. "
            "Unset it: the station then generates and stores a strong one.",
        )


def ignored_dotenv(read: Path) -> Notice:
    return Notice(
        "W005", f"The .env in the current folder is not read. With a YAML file, {read} is read. Move it there."
    )


def overridden_by_dotenv(dotenv: Path, document: Path, keys: Iterable[Key]) -> Notice:
    names = ", ".join(".".join(key) for key in keys)
    return Notice(
        "W008",
        f"{dotenv} counts and {document} does not, where both set a key: {names}. Set each of them in one of the two.",
    )


DOTENV_CODES = frozenset({"W005", "W008"})
"""The notices about a file `.env`, which `skycam up` prints."""


def may_write(log: LoggingConfig) -> bool:
    """Whether this user can write or create the log file and, if rotated logs are kept, rename it in its folder."""
    folder_is_open = os.access(log.file.parent, os.W_OK | os.X_OK)
    if log.backup_count > 0 and not folder_is_open:
        return False
    return os.access(log.file, os.W_OK) if os.path.exists(log.file) else folder_is_open
