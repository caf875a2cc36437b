"""What a health check finds."""

from __future__ import annotations

from dataclasses import dataclass

from core.camera_names import CameraRef


class NotObserved(Exception):
    """A check cannot see what it looks at, such as the hosts while the broker is away. It neither opens nor resolves
    an alert."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`camera` is the one that the sentence is about: only users who may see it get the finding. `host` is the machine
    that it is about; empty for the one that ran the check. `alert` is the key of an alert that already reports the
    problem."""

    sentence: str
    camera: CameraRef | None = None
    host: str = ""
    alert: str = ""
