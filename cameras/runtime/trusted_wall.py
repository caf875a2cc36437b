"""The wall clock, protected against steps that no synchronisation has confirmed."""

from __future__ import annotations

from cameras.spool.moments import Moment


class TrustedWall:
    """While the kernel says that the wall clock is not synchronised any more, it continues by the boot clock, from the
    last time at which it was. Any thread may use it: it replaces one value."""

    def __init__(self) -> None:
        self._synchronised: Moment | None = None

    def correct(self, now: Moment, synchronisation: str) -> Moment:
        """`now` with the trusted wall clock; `synchronisation` as of `CameraClock`."""
        if synchronisation == "synchronised":
            self._synchronised = now
            return now
        last = self._synchronised
        # Never synchronised since the machine has started: there is nothing better than what it shows.
        if last is None or last.boot != now.boot or synchronisation != "unsynchronised":
            return now
        return last.at_boot_s(now.boot_s)
