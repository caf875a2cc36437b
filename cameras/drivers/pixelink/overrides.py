"""The camera's own values that an exposure or the stream has replaced."""

from __future__ import annotations

import contextlib

from cameras.drivers.base import Applied, CameraError, Clock
from cameras.drivers.pixelink.controls import SETTINGS, Controls, Values
from cameras.drivers.pixelink.sdk import SdkError
from cameras.drivers.pixelink.session import Feature

RESTORE_S = 2.0


class Overrides:
    """They outlive a session, because the camera keeps its settings when it is closed: what could not be restored is
    restored in the next session with the same camera."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._of_exposure: dict[str, Feature] = {}
        self._of_stream: dict[str, Feature] = {}
        self._serial = ""

    def begin_session(self, controls: Controls) -> None:
        # Values of another camera must not be written to this one.
        if controls.session.serial != self._serial:
            self._of_exposure, self._serial = {}, controls.session.serial
        self.restore(controls)

    def end_session(self) -> None:
        # The camera keeps what the stream's settings have set: the next session restores it.
        self._of_exposure, self._of_stream = self._of_exposure | self._of_stream, {}

    def apply(self, controls: Controls, requested: Values) -> Applied:
        """Apply values for one exposure and remember the camera's own."""
        # The older values have priority: after a failed restoration the camera still has those of an exposure.
        self._of_exposure = controls.read_features(requested) | self._of_exposure
        return controls.apply(requested)

    def restore(self, controls: Controls) -> None:
        """Restore what an exposure overrode. If that fails, the next call tries again: the picture must not be lost."""
        if not self._of_exposure:
            return
        # The exposure may have used up its deadline, and the values must be restored all the same.
        controls.session.deadline = self._clock.monotonic() + RESTORE_S
        with contextlib.suppress(SdkError, CameraError):
            controls.restore_features(self._of_exposure)
            self._of_exposure = {}

    def use_for_stream(self, controls: Controls, requested: Values) -> None:
        controls.restore_features(self._of_stream)
        self._of_stream = {}
        if requested:
            self._of_stream = controls.read_features(requested)
            controls.set_values(requested)

    def without_stream(self, found: Values) -> Values:
        """The settings in `found` that are not the stream's only."""
        return {
            name: value
            for name, value in found.items()
            if name not in SETTINGS or SETTINGS[name].feature not in self._of_stream
        }
