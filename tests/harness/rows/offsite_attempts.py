"""A file that reaches its destination in many short attempts, each of which may pass a number of bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from captures.storage.offsite.destinations.port import Interrupted, Pace, Sender, Source, Upload

MOST = 50


@dataclass(slots=True)
class Allowance:
    """A `Pace` that interrupts the attempt once these bytes have passed."""

    left: int

    def take_bytes(self, count: int) -> None:
        if count > self.left:
            raise Interrupted("That is all for this attempt.")
        self.left -= count


def attempts(open_sender: Callable[[Pace], Sender], source: Source, key: str, allowed: int) -> int:
    """How many attempts it takes until the copy is verified; AssertionError after MOST."""
    stored = [""]
    for number in range(1, MOST + 1):
        sender = open_sender(Allowance(allowed))
        try:
            sender.put_file(source, key, Upload(stored[-1], again=number > 1, save=stored.append))
        except Interrupted:
            continue
        finally:
            sender.close()
        return number
    raise AssertionError(f"Not verified after {MOST} attempts, the last of which stored {stored[-1]!r}.")
