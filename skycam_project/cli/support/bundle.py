"""Collects a support bundle: a ZIP file of redacted texts, for a question about a station that may be broken."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from core.registry import resolve
from skycam_project.cli.diagnostics.deadline import TooSlow, run_within
from skycam_project.cli.output import json_default
from skycam_project.cli.station import Station
from skycam_project.cli.support.known_secrets import data_folder, known_secrets
from skycam_project.cli.support.redactor import Redactor
from skycam_project.cli.support.sections import FILES
from skycam_project.config import ConfigError

LOG_BYTES = 2_000_000
"""Of the end of each log file."""
DEADLINE_S = 240.0
"""For one section. The longest is doctor, each of whose checks has a deadline of its own."""


@dataclass(frozen=True, slots=True)
class Collected:
    """A file of the bundle, or why it is missing."""

    name: str
    text: str = ""
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Bundle:
    """`missing`: name of a file, or source of secrets -> why it could not be read."""

    files: list[str]
    missing: dict[str, str]
    size: int


def write_bundle(station: Station, path: Path) -> Bundle:
    """Write the bundle with mode 0600. Raises OSError, also FileExistsError."""
    secrets, failed = known_secrets(station)
    redactor = Redactor(secrets)
    collected = [*collect_sections(station, redactor), *collect_logs(station, redactor)]
    missing = {f"secrets of {name}": f"{reason}; only patterns hide them" for name, reason in failed.items()}
    missing |= {one.name: redactor.redact_text(one.missing) for one in collected if one.missing}
    texts = {one.name: one.text for one in collected if not one.missing}
    texts["missing.json"] = to_text(missing)
    # Created with its mode: a chmod after the creation would come a moment too late.
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(file, "wb") as stream:
        write_archive(stream, texts)
    return Bundle(list(texts), missing, path.stat().st_size)


def write_archive(stream: BinaryIO, texts: dict[str, str]) -> None:
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(f"skycam-support/{name}", text)
    stream.flush()
    os.fsync(stream.fileno())


def collect_sections(station: Station, redactor: Redactor) -> Iterator[Collected]:
    for name, path in FILES.items():
        yield collect_section(name, path, station, redactor)


def collect_section(name: str, path: str, station: Station, redactor: Redactor) -> Collected:
    return collect_file(name, lambda: to_text(redactor.redact_value(plain(resolve(path)(station)))))


def collect_file(name: str, read: Callable[[], str]) -> Collected:
    """The redacted text that `read` returns, or why there is none."""

    def collect() -> Collected:
        try:
            return Collected(name, read())
        except FileNotFoundError:
            return Collected(name, missing="There is no such file.")
        # A broken station is what the bundle is for: the reason is part of it.
        except Exception as error:  # noqa: BLE001
            return Collected(name, missing=f"{type(error).__name__}: {error}")

    try:
        return run_within(DEADLINE_S, collect)
    except TooSlow as error:
        return Collected(name, missing=str(error))


def plain(value: Any) -> Any:
    """In JSON's types."""
    return json.loads(json.dumps(value, default=json_default))


def to_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


def collect_logs(station: Station, redactor: Redactor) -> Iterator[Collected]:
    log = log_file(station)
    for path in (log, log.with_name(f"{log.name}.1")):
        yield collect_file(f"logs/{path.name}", partial(redacted_end, path, redactor))


def redacted_end(path: Path, redactor: Redactor) -> str:
    return redactor.redact_text(read_end(path))


def log_file(station: Station) -> Path:
    try:
        return station.config.logging.file
    except ConfigError:
        return data_folder(station) / "logs" / "skycam.log"


def read_end(path: Path) -> str:
    """The last LOG_BYTES, from the begin of a line. Raises OSError."""
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - LOG_BYTES))
        text = stream.read(LOG_BYTES).decode("utf-8", errors="replace")
    # A cut first line may hide the name that shows what follows to be a secret.
    return text if size <= LOG_BYTES else text.partition("\n")[2]
