"""Errors of the Supervisor's own steps become alerts; the loop goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable

from cameras.supervision.ports import EventSink
from core.camera_names import CameraRef
from core.text.sentences import sentence

log = logging.getLogger(__name__)


class FailureAlerts:
    """Only the Supervisor's thread uses it."""

    def __init__(self, events: EventSink) -> None:
        self._events = events
        self._failures: dict[str, str] = {}
        """Slug, or nothing for the loop itself -> the error."""

    def run_safely(self, camera: CameraRef | None, step: Callable[[], None]) -> None:
        """An error with one camera must not stop the supervision of the others. It raises one alert, which is resolved
        after the first step without an error."""
        slug = camera.slug if camera else ""
        key, before = f"supervisor.stumbled:{slug}", self._failures.get(slug, "")
        try:
            step()
        except Exception as error:
            self._failures[slug] = failure = f"{type(error).__name__}: {error}"
            # Once for each error: the step is repeated ten times a second.
            if failure != before:
                log.exception("The Supervisor failed at %s and goes on.", slug or "its own loop")
                what = "{camera} is not supervised" if slug else "No camera of this host is supervised"
                message = sentence(
                    f"{what} ({{failure}}). See the log, then run `skycam restart worker`.",
                    camera=camera, failure=failure,
                )  # fmt: skip
                self._events.raise_alert(key, message, "critical", camera)
            return
        if before:
            del self._failures[slug]
            self._events.resolve_alert(key)
