"""Collects a support bundle: a ZIP file of redacted texts, for a question about a station that may be broken."""

from __future__ import annotations

import json
import os
import time
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
MAX_CHARACTERS = 8_000_000
"""Of one file of the bundle: the station may be broken in a way that makes a list endless."""
WITHIN_S = 240.0
"""For all sections. The longest is doctor, each of whose checks has a deadline of its own."""
LEAST_S = 1.0
"""For a section after that time: most need less."""


@dataclass(frozen=True, slots=True)
class Collected:
    """A file of the bundle, or why it is missing."""

    name: str
    text: str = ""
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Bundle:
    """The redacted texts by the name of their file. `missing`: name of a file, or source of secrets -> why it could not
    be read."""

    texts: dict[str, str]
    missing: dict[str, str]

    def write(self, stream: BinaryIO) -> None:
        """Write the ZIP file."""
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in self.texts.items():
                archive.writestr(f"skycam-support/{name}", text)


def collect_bundle(station: Station, within_s: float = WITHIN_S) -> Bundle:
    """Sections that are not done after `within_s` seconds are missing."""
    until = time.monotonic() + within_s
    secrets, failed = known_secrets(station)
    redactor = Redactor(secrets)
    collected = list(collect_files(station, redactor, until))
    missing = {f"secrets of {name}": f"{reason}; only patterns hide them" for name, reason in failed.items()}
    missing |= {one.name: redactor.redact_text(one.missing) for one in collected if one.missing}
    texts = {one.name: one.text for one in collected if not one.missing}
    return Bundle({**texts, "missing.json": to_text(missing)}, missing)


def write_bundle(station: Station, path: Path) -> tuple[Bundle, int]:
    """Write the bundle with mode 0600; returns also its size. Raises OSError, also FileExistsError."""
    bundle = collect_bundle(station)
    # Created with its mode: a chmod after the creation would come a moment too late.
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(file, "wb") as stream:
        bundle.write(stream)
        stream.flush()
        os.fsync(stream.fileno())
    return bundle, path.stat().st_size


def collect_files(station: Station, redactor: Redactor, until: float) -> Iterator[Collected]:
    """`until`: in the time of `time.monotonic`."""
    for name, path in FILES.items():
        yield collect_file(name, partial(redacted_section, path, station, redactor), until)
    log = log_file(station)
    for file in (log, log.with_name(f"{log.name}.1")):
        yield collect_file(f"logs/{file.name}", partial(redacted_end, file, redactor), until)


def collect_file(name: str, read: Callable[[], str], until: float) -> Collected:
    """The redacted text that `read` returns, or why there is none."""

    def collect() -> Collected:
        try:
            return limited(name, read())
        except FileNotFoundError:
            return Collected(name, missing="There is no such file.")
        except ConfigError:
            # Its problems would stand here once for each file.
            return Collected(name, missing="The configuration is not valid; doctor.json says why.")
        # A broken station is what the bundle is for: the reason is part of it.
        except Exception as error:  # noqa: BLE001
            return Collected(name, missing=f"{type(error).__name__}: {error}")

    try:
        return run_within(max(LEAST_S, until - time.monotonic()), collect)
    except TooSlow as error:
        return Collected(name, missing=str(error))


def limited(name: str, text: str) -> Collected:
    if len(text) <= MAX_CHARACTERS:
        return Collected(name, text)
    return Collected(name, missing=f"It has {len(text)} characters; {MAX_CHARACTERS} are the most.")


def redacted_section(path: str, station: Station, redactor: Redactor) -> str:
    return to_text(redactor.redact_value(plain(resolve(path)(station))))


def plain(value: Any) -> Any:
    """In JSON's types."""
    return json.loads(json.dumps(value, default=json_default))


def to_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)


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
