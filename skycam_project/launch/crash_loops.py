"""Alerts for parts in a crash loop.

The launcher imports no Django and must not wait for a database. It keeps one small file for each part in a crash loop.
The worker, or a short-lived process of the launcher while the worker is away, opens and resolves alerts to match the
files. A kill between any two steps loses nothing: the files are the state and are compared with the alerts again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from skycam_project.config import SkycamConfig
from skycam_project.config.redaction import REDACTED, secrets_of

LONGEST_LINE = 200


def alert_key(host: str, part: str) -> str:
    return f"part.crash_loop:{host}:{part}"


def crash_loop_sentence(part: str, reason: str, last_line: str, config: SkycamConfig) -> str:
    """The alert's message: the part, its last exit, its last log line without secrets, and what to do."""
    # The line is the part's own and may hold a secret. The alert is stored, and shown to users.
    for secret in secrets_of(config):
        last_line = last_line.replace(secret, REDACTED)
    last = f" Its last line: {last_line[:LONGEST_LINE]}" if last_line else ""
    return (
        f"{part} is in a crash loop on {config.host}: {reason}. It is restarted once a minute; the other parts keep "
        f"running.{last} Read {config.logging.file}, then restart it at once with `skycam restart {part}`."
    )


class CrashLoopFiles:
    """One file for each part in a crash loop, in the run folder. Two launchers never share a part."""

    def __init__(self, run_folder: Path) -> None:
        self.folder = run_folder / "crash-loops"

    def write(self, part: str, message: str) -> None:
        """Not fsynced: it is written again each minute. Raises OSError, for example on a full disk."""
        # Renamed when it is complete: a reader never finds half a file, since `read` skips names with a leading dot.
        unfinished = self.folder / f".{part}-{os.getpid()}"
        self.folder.mkdir(mode=0o700, exist_ok=True)
        unfinished.write_text(json.dumps({"message": message}), encoding="utf-8")
        unfinished.replace(self._path(part))

    def remove(self, part: str) -> bool:
        """Returns whether there was a file."""
        try:
            self._path(part).unlink()
        except FileNotFoundError:
            return False
        return True

    def holds(self, part: str) -> bool:
        return self._path(part).exists()

    def keep_only(self, parts: list[str]) -> None:
        """Remove the files of parts that this station no longer has."""
        for part in self.read().keys() - set(parts):
            self.remove(part)

    def read(self) -> dict[str, str]:
        """Part -> message. An unreadable file still gives a message."""
        return {path.stem: _message(path) for path in sorted(self.folder.glob("[!.]*.json"))}

    def _path(self, part: str) -> Path:
        return self.folder / f"{part}.json"


def _message(path: Path) -> str:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["message"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"{path.stem} is in a crash loop. `skycam ps` shows its last exit."


def report_crash_loops(run_folder: Path) -> None:
    """Open an alert for each part in a crash loop on this host, and resolve the alerts of parts that recovered. For a
    process with Django. Raises DatabaseError."""
    from django.conf import settings

    from core.events.models import Alert
    from core.events.service import raise_alert, resolve_alert

    host = settings.STATION.host
    found = {alert_key(host, part): (part, message) for part, message in CrashLoopFiles(run_folder).read().items()}
    unresolved = Alert.objects.exclude(state=Alert.State.RESOLVED).filter(key__startswith=alert_key(host, ""))
    known = dict(unresolved.values_list("key", "message"))
    for key, (part, message) in found.items():
        # The worker calls this every 2 s: an unchanged alert is not written again.
        if known.get(key) != message:
            raise_alert(key, message, camera=None, severity="critical", data={"host": host, "part": part})
    for key in known.keys() - found.keys():
        resolve_alert(key)
