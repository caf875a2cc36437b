"""Warnings: the station runs with it, but somebody should know. The codes are those of the system checks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from skycam_project.config.addresses import is_loopback
from skycam_project.config.model import Notice, SkycamConfig
from skycam_project.config.sections import LoggingConfig

SHORT_SECRET = 32


def notices(config: SkycamConfig) -> Iterator[Notice]:
    web = config.web
    if not is_loopback(web.host) and not web.tls:
        yield Notice(
            "W001",
            f"The web server listens on {web.host} without TLS: passwords and pictures can be read on the network. "
            "Put a proxy with TLS in front and set web.tls, or set web.host to 127.0.0.1.",
        )
    service = config.service
    if service.enabled and service.listens_on != service.host:
        yield Notice(
            "W006",
            f"The PixeLink service listens on {service.listens_on} alone, not on {service.host}: "
            "set SERVICE_TOKEN, which programs then must show.",
        )
    if config.logging.file and not may_write(config.logging):
        yield Notice(
            "W002",
            f"The log file {config.logging.file} cannot be written, or not be rotated in its folder; "
            "the log is <data>/logs/skycam.log instead.",
        )
    if web.debug and not is_loopback(web.host):
        yield Notice(
            "W003", f"web.debug is ignored, because the web server listens on {web.host}, not on loopback alone."
        )
    if 0 < len(web.secret_key) < SHORT_SECRET:
        yield Notice(
            "W004",
            f"DJANGO_SECRET_KEY is shorter than {SHORT_SECRET} characters and may be guessed. "
            "Unset it, and the station makes and keeps a good one.",
        )


def ignored_dotenv(read: Path) -> Notice:
    return Notice(
        "W005", f"The .env in the current folder is not read; with a YAML file it is {read} that counts. Move it there."
    )


def may_write(log: LoggingConfig) -> bool:
    """Whether this user may write the log file, or make it, and may rename it in its folder where old ones are kept."""
    folder_is_open = os.access(log.file.parent, os.W_OK | os.X_OK)
    if log.backup_count > 0 and not folder_is_open:
        return False
    return os.access(log.file, os.W_OK) if os.path.exists(log.file) else folder_is_open
