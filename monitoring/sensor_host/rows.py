"""The sensors of a host as its part needs them: from the database, or from a file while that is away."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from core.readings.reading import Limits
from core.secrets import decrypt_secrets
from monitoring.models import Sensor
from monitoring.sensors.channels import ChannelId, ChannelSettings
from monitoring.sensors.settings import completed_settings


@dataclass(frozen=True, slots=True)
class ChannelRow:
    key: str
    quantity: str
    label: str
    main: bool
    lowest: float | None
    highest: float | None
    offset: float


@dataclass(frozen=True, slots=True)
class SensorRow:
    """An enabled sensor. `secrets_encrypted` stays encrypted, also in the file."""

    id: str
    name: str
    kind: str
    interval_s: float
    settings: Mapping[str, Any]
    secrets_encrypted: str
    revision: int
    channels: tuple[ChannelRow, ...]

    @property
    def process_key(self) -> tuple[Any, ...]:
        """What its process was started with: another one needs another process."""
        return (self.id, self.name, self.kind, self.interval_s, self.revision)

    def complete_settings(self) -> dict[str, Any]:
        """With the secrets and the defaults. DecryptionFailed; KeyError for a kind of another version."""
        row = Sensor(pk=UUID(self.id), kind=self.kind, settings=self.settings, secrets_encrypted=self.secrets_encrypted)
        secrets = decrypt_secrets(row, "secrets_encrypted")
        return completed_settings(self.kind, {**self.settings, **secrets})

    def channel_settings(self) -> dict[ChannelId, ChannelSettings]:
        return {
            (one.key, one.quantity): ChannelSettings(Limits(one.lowest, one.highest), one.offset, one.label, one.main)
            for one in self.channels
        }


def read_rows(host: str) -> list[SensorRow]:
    """The enabled sensors of the host, by name."""
    found = Sensor.objects.filter(host=host, enabled=True).prefetch_related("channels").order_by("name")
    return [sensor_row(sensor) for sensor in found]


def sensor_row(sensor: Sensor) -> SensorRow:
    channels = tuple(
        ChannelRow(one.key, one.quantity, one.label, one.main, one.lowest, one.highest, one.offset)
        for one in sensor.channels.all()
    )
    return SensorRow(
        str(sensor.pk), sensor.name, sensor.kind, sensor.interval_s, sensor.settings, sensor.secrets_encrypted,
        sensor.revision, channels,
    )  # fmt: skip


class RowFile:
    """The rows of the last start at which the database was there. A part that is restarted while it is away reads its
    sensors all the same."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stored: list[SensorRow] | None = None

    def store(self, rows: list[SensorRow]) -> None:
        """OSError."""
        if rows == self._stored:
            return
        new = self._path.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump([asdict(row) for row in rows], file)
            file.flush()
            os.fsync(descriptor)
        new.replace(self._path)
        self._stored = rows

    def read(self) -> list[SensorRow]:
        """Empty without a file, or with one that cannot be read."""
        try:
            return [
                SensorRow(**{**row, "channels": tuple(ChannelRow(**one) for one in row["channels"])})
                for row in json.loads(self._path.read_bytes())
            ]
        except (OSError, ValueError, TypeError, KeyError):
            return []
