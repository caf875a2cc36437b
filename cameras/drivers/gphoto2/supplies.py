"""Battery and card space. Reading them also detects that an idle camera is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cameras.drivers.base import Supplies
from cameras.drivers.gphoto2.choices import parse_percent
from cameras.drivers.gphoto2.errors import NO_WIDGET
from cameras.drivers.gphoto2.session import Session, is_listed, library

T = TypeVar("T")


class SupplyReader:
    """The reader of one session. What the camera does not report is not read again."""

    def __init__(self) -> None:
        self._unsupported: set[str] = set()

    def read_supplies(self, session: Session) -> Supplies:
        """GPhoto2Error when the camera is gone."""
        return Supplies(
            battery_percent=self._read_unless_unsupported(
                session, "battery", lambda: parse_percent(session.text("batterylevel"))
            ),
            card_free_bytes=self._read_unless_unsupported(session, "card", session.card_free_bytes),
        )

    def _read_unless_unsupported(self, session: Session, what: str, read: Callable[[], T | None]) -> T | None:
        if what in self._unsupported:
            return None
        try:
            value = read()
        except library().GPhoto2Error as error:
            # An unplugged camera answers -2 as well, like one without the widget.
            if error.code not in NO_WIDGET or not is_listed(session.port):
                raise
            value = None
        if value is None:
            self._unsupported.add(what)
        return value
