"""The settings of a DSLR: its choices, set over the sessions of one opening, with what an exposure has overridden."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cameras.drivers.base import CameraError, Clock
from cameras.drivers.gphoto2.errors import NO_WIDGET
from cameras.drivers.gphoto2.session import Session, library
from cameras.drivers.gphoto2.widgets import SETTINGS, format_value, is_bulb, parse_kinds, setting_label

BULB_WITHOUT_A_TIME = "The camera's dial is at bulb, and no exposure time is set. Set one, or turn the dial to a time."

DRIVER_SETTINGS = frozenset({"keep_on_card"})
"""Settings that are this driver's, not the camera's."""

SessionOpener = Callable[[str, Clock, float], Session]
"""Opens the camera at an address until a deadline, as `open_session` does."""


class SessionHolder:
    """The session with the camera at an address. After an error it is ended, and another one may follow."""

    def __init__(self, address: str, clock: Clock, open_session: SessionOpener) -> None:
        self._address, self._clock, self._open_session = address, clock, open_session
        self.current: Session | None = None

    def open(self, deadline: float) -> Session:
        # First: the claim of an open session would make its own camera look taken by another process.
        self.end()
        self.current = self._open_session(self._address, self._clock, deadline)
        return self.current

    def end(self) -> None:
        session, self.current = self.current, None
        if session is not None:
            session.exit()

    def ready(self) -> Session:
        if self.current is None:
            raise CameraError("The camera is not open, or was closed after an error. Open it first.")
        return self.current


class CameraChoices:
    """What is desired, what exposures have overridden, and what the camera refuses. A refusal renews the session,
    because a capture after an error can block. Raises GPhoto2Error and CameraError."""

    def __init__(self, sessions: SessionHolder) -> None:
        self._sessions = sessions
        self.desired: dict[str, Any] = {}
        self._overridden: dict[str, str] = {}
        self._refused: set[tuple[str, str]] = set()

    def record_opened(self) -> None:
        # Another camera may be at the address, or its mode dial may have been turned: remembered choices need not fit.
        self._refused.clear()
        self._overridden.clear()

    def renew(self, deadline: float) -> None:
        """A new session with the same settings, before the shutter."""
        # Not `record_opened`: `_refused` must stay, else the same value would be refused and renew the session at each
        # exposure; and `_overridden`, else the camera's own values would not be restored.
        self._sessions.open(deadline)
        self.set_values(self.desired)

    def read_own(self) -> dict[str, Any]:
        """The settings without the overridden ones."""
        # An overridden value is the driver's own doing; reported, it would look like a dial that was turned.
        return {name: value for name, value in self.read().items() if name not in self._overridden}

    def override(self, requested: dict[str, Any]) -> list[str]:
        """Set values for one exposure and remember the camera's own; a sentence for each value that it refuses."""
        session = self._sessions.ready()
        self.restore(requested)
        # Only the first override records a value: at the second one the camera has that of the first.
        for name in requested.keys() & session.names.keys() - self._overridden.keys():
            self._overridden[name] = session.read(name).value
        warnings = self.set_values(requested)
        # A refused value renews the session, and with it the desired values: those that were set before it are lost.
        # The second pass meets no further refusal, because `_refused` has them.
        return warnings if self._sessions.current is session else self.set_values(requested)

    def restore(self, kept: dict[str, Any]) -> None:
        """Restore what earlier exposures overrode, except for the settings in `kept`."""
        for name in self._overridden.keys() - kept.keys():
            choice, widget = self._overridden.pop(name), self._sessions.ready().read(name)
            # The choices depend on the camera's mode, which may have changed since the override.
            if choice in widget.choices and choice != widget.value and not widget.read_only:
                self._write(name, choice)

    def set_values(self, requested: dict[str, Any]) -> list[str]:
        """Set values; a sentence for each one that the camera refuses."""
        wanted = {name: value for name, value in requested.items() if name not in DRIVER_SETTINGS}
        return [warning for name, value in wanted.items() if (warning := self._set_value(name, value))]

    def _set_value(self, name: str, value: Any) -> str | None:
        session = self._sessions.ready()
        if name not in session.names:
            return (
                f"The {setting_label(name)} of this camera cannot be set over USB; "
                f"{format_value(name, value)} was requested."
            )
        setting, widget = SETTINGS[name], session.read(name)
        if widget.read_only:
            label = setting_label(name)
            return f"The {label} can be set on the camera's body only; {format_value(name, value)} was requested."
        choice = setting.choose(widget, value)
        if choice is None:
            return f"{format_value(name, value)} was requested; the camera offers {', '.join(widget.choices)}."
        if choice != widget.value and not self._write(name, choice):
            return f"{format_value(name, value)} was requested; the camera refuses it in its present mode."
        has = self._sessions.ready().read(name).value
        if setting.same(value, setting.parse(has)) or (name == "exposure_us" and is_bulb(has)):
            return None
        nearest = format_value(name, setting.parse(choice))
        return f"{format_value(name, value)} was requested; the camera's nearest is {nearest}."

    def _write(self, name: str, choice: str) -> bool:
        """False when the camera refuses. The session is then renewed, because a capture after an error can block."""
        session = self._sessions.ready()
        if (name, choice) in self._refused:
            return False
        try:
            session.write(name, choice)
        except library().GPhoto2Error as error:
            if error.code not in NO_WIDGET:
                raise
            # Before the renewal, which sets all values again and would meet the same refusal.
            self._refused.add((name, choice))
            self.renew(session.deadline)
            return False
        return True

    def read(self, requested: dict[str, Any] | None = None) -> dict[str, Any]:
        """The camera's settings; at bulb, the time for which the shutter will be held open."""
        session = self._sessions.ready()
        texts = {name: session.read(name).value for name in session.names}
        values = {name: SETTINGS[name].parse(text) for name, text in texts.items()}
        if is_bulb(texts.get("exposure_us", "")):
            # The widget says only "Bulb", and the driver holds the shutter open for the requested time.
            values["exposure_us"] = {**self.desired, **(requested or {})}.get("exposure_us")
        return {name: value for name, value in values.items() if value is not None}

    def promised_kinds(self) -> frozenset[str]:
        """The kinds of file that the camera's format includes."""
        session = self._sessions.ready()
        return parse_kinds(session.read("format").value) if "format" in session.names else frozenset()

    def bulb_us(self, requested: dict[str, Any]) -> int | None:
        """How long to hold the shutter open; None if the camera times the exposure. CameraError before the shutter when
        the dial is at bulb and no time is set."""
        session = self._sessions.ready()
        if "exposure_us" not in session.names or not is_bulb(session.read("exposure_us").value):
            return None
        wanted_us: int | None = requested.get("exposure_us", self.desired.get("exposure_us"))
        if wanted_us is None or not session.has_bulb:
            raise CameraError(BULB_WITHOUT_A_TIME, reason="rejected_setting", permanent=True)
        session.check_due(wanted_us / 1e6)
        return wanted_us
