"""`Notification`: what a channel sends, as text and as data. Django-free."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.text.names import readable
from core.times.timestamps import stamp

SEVERITIES = ("info", "warning", "error", "critical")
MAX_TITLE = 150
MAX_TEXT = 20_000
TITLES = {
    "opened": "",
    "resolved": "Resolved: ",
    "repeat": "Still open: ",
    "escalation": "No one acknowledged: ",
    "report": "",
    "test": "",
}
"""Kind of a notification -> how its title begins."""


@dataclass(frozen=True, slots=True)
class NotifiedAlert:
    """`link` is the signed address at which this channel's reader answers; empty without `web.public_url`."""

    id: str
    key: str
    severity: str
    state: str
    camera: str
    host: str
    message: str
    opened_at: datetime
    resolved_at: datetime | None
    count: int
    link: str = ""

    def lines(self) -> list[str]:
        """For people, without line breaks and invisible characters of the alert."""
        where = ", ".join(filter(None, [self.camera and f"camera {self.camera}", self.host and f"host {self.host}"]))
        ended = f", resolved {self.resolved_at:%Y-%m-%d %H:%M:%S %Z}" if self.resolved_at else ""
        found = [
            f"[{self.severity}] {one_line(self.message)}",
            f"since {self.opened_at:%Y-%m-%d %H:%M:%S %Z}{ended}" + (f", {one_line(where)}" if where else ""),
        ]
        return [*found, f"Acknowledge or silence: {self.link}"] if self.link else found

    def body(self) -> dict[str, Any]:
        return {
            "id": self.id, "key": self.key, "severity": self.severity, "state": self.state,
            "camera": self.camera or None, "host": self.host or None, "message": self.message,
            "opened": stamp(self.opened_at), "resolved": stamp(self.resolved_at) if self.resolved_at else None,
            "count": self.count, "link": self.link or None,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    mime_type: str
    content: bytes

    @property
    def is_picture(self) -> bool:
        return self.mime_type.startswith("image/")


@dataclass(frozen=True, slots=True)
class Notification:
    """`id` is the same when the message is sent again, so that a receiver can tell. `more` is the number of alerts that
    follow in the next message."""

    id: str
    kind: str
    station: str
    alerts: tuple[NotifiedAlert, ...] = ()
    text: str = ""
    attachment: Attachment | None = None

    @property
    def severity(self) -> str:
        """The highest of its alerts."""
        return max((alert.severity for alert in self.alerts), key=SEVERITIES.index, default="info")

    @property
    def title(self) -> str:
        """One line."""
        what = one_line(self.alerts[0].message if self.alerts else self.text)
        more = f" (and {len(self.alerts) - 1} more)" if len(self.alerts) > 1 else ""
        # It may be resolved since: a message that failed is sent again later.
        is_over = bool(self.alerts) and all(alert.state == "resolved" for alert in self.alerts)
        begin = TITLES["resolved" if is_over else self.kind]
        short = what if len(what) <= MAX_TITLE else f"{what[:MAX_TITLE]}…"
        return f"{one_line(self.station)}: {begin}{short}{more}"

    @property
    def content(self) -> str:
        """The text for people."""
        parts = ["\n".join(alert.lines()) for alert in self.alerts] or [readable(self.text, keep="\n")]
        return "\n\n".join(parts)[:MAX_TEXT]

    def body(self) -> dict[str, Any]:
        """For programs."""
        return {
            "id": self.id, "kind": self.kind, "station": self.station, "severity": self.severity, "title": self.title,
            "text": self.content, "alerts": [alert.body() for alert in self.alerts],
        }  # fmt: skip


def one_line(text: str) -> str:
    return readable(" ".join(text.split()))
