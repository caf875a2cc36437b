"""HEALTH: what an operator must know of, named once. Each entry is a function without arguments that returns a
sentence for each thing to put right, and none when all is well."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.utils.module_loading import import_string

logger = logging.getLogger(__name__)

HEALTH: dict[str, str] = {
    "database": "monitoring.health.database_problems",
    "broker": "cameras.health.broker_problems",
    "hosts": "cameras.health.host_problems",
    "cameras": "cameras.health.camera_problems",
    "disk": "captures.health.disk_problems",
}


def findings() -> dict[str, list[str]]:
    """Every entry of HEALTH with its sentences; an entry that fails itself says so."""
    return {name: asked(import_string(path)) for name, path in HEALTH.items()}


def asked(function: Callable[[], list[str]]) -> list[str]:
    try:
        return function()
    except Exception as error:
        logger.exception("A question about the station's health failed.")
        return [f"It could not be asked: {type(error).__name__}."]


def database_problems() -> list[str]:
    from django.db import Error, connection

    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as error:
        return [f"The database does not answer ({type(error).__name__}). Start it, or look at DATABASE_URL."]
    return []
