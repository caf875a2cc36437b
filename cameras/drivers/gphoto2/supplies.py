"""Battery and card, asked now and then. Asking also finds out that a camera which nobody uses is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from cameras.drivers.base import Supplies
from cameras.drivers.gphoto2.choices import parse_percent
from cameras.drivers.gphoto2.errors import NO_WIDGET
from cameras.drivers.gphoto2.session import Session, is_listed, library

Told = TypeVar("Told")


class Meter:
    """Of one session. What the camera does not tell is not asked again."""

    def __init__(self) -> None:
        self._silent: set[str] = set()

    def read(self, session: Session) -> Supplies:
        """GPhoto2Error when the camera is gone."""
        return Supplies(
            battery_percent=self._ask(session, "battery", lambda: parse_percent(session.text("batterylevel"))),
            card_free_bytes=self._ask(session, "card", session.card_free_bytes),
        )

    def _ask(self, session: Session, what: str, question: Callable[[], Told | None]) -> Told | None:
        if what in self._silent:
            return None
        try:
            answer = question()
        except library().GPhoto2Error as error:
            if error.code not in NO_WIDGET or not is_listed(session.port):
                raise
            answer = None
        if answer is None:
            self._silent.add(what)
        return answer
