"""First form of the configuration; the real one replaces it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from pydantic import BaseModel, Field


class Site(BaseModel):
    latitude: float | None = None
    longitude: float | None = None
    time_zone: str | None = None


class Web(BaseModel):
    host: str = "127.0.0.1"
    port: int = 8080
    tls: bool = False
    allowed_hosts: list[str] = []
    x_accel: str = ""


class Supervision(BaseModel):
    healthy_s: float = 30.0
    margin_s: float = 5.0
    crash_loop_exits: int = 5
    crash_loop_s: float = 10.0


class SkycamConfig(BaseModel):
    data: Path
    station: str
    host: str
    secret_key: str
    database_url: str | None
    redis_url: str
    web: Web = Web()
    site: Site = Site()
    supervision: Supervision = Supervision()
    sources: list[Path] = Field(default_factory=list)
    camera_environment: list[str] = []


def load_config() -> SkycamConfig:
    data = Path(os.environ.get("SKYCAM_DATA", "skycam-data")).resolve()
    data.mkdir(parents=True, exist_ok=True)
    return SkycamConfig(
        data=data,
        station="dev",
        host=os.environ.get("SKYCAM_HOST", "main"),
        secret_key=secrets.token_hex(16),
        database_url=os.environ.get("DATABASE_URL"),
        redis_url=os.environ.get("REDIS_URL", f"unix://{data}/run/valkey.sock"),
        sources=[data / "sources"],
    )
