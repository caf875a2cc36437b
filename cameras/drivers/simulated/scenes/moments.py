"""What changes slowly in a scene: drawn for moments in equal steps, ahead of a stream and beside it."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, NamedTuple, TypeVar

Drawing = TypeVar("Drawing")


class Surrounding(NamedTuple, Generic[Drawing]):
    """The drawings of the moments before and after a time, and the share of the way from the first to the second."""

    before: Drawing
    after: Drawing
    share: float


class Moments(Generic[Drawing]):
    """Drawings for the moments 0, `every_s`, 2 `every_s`, ... of the caller's time. One thread uses it.

    A stream is drawn ahead on another thread: in the first half of a step the next moment, in its second half the one
    after that. So the thread of its frames draws the first moment alone, and waits only if the machine took longer than
    a step for a drawing.
    """

    def __init__(self, every_s: float, draw: Callable[[float], Drawing]) -> None:
        self._every_s, self._draw = every_s, draw
        self._drawings: dict[int, Future[Drawing]] = {}
        """By the number of the moment."""
        # Starts its thread for the first drawing, and ends it when no one refers to this object any more.
        self._ahead = ThreadPoolExecutor(max_workers=1, thread_name_prefix="scene")

    def last(self, at_s: float) -> Drawing:
        """Of the moment before this time, or at it."""
        number = math.floor(at_s / self._every_s)
        # Those that a stream needs from now on.
        self._drawings = {one: drawing for one, drawing in self._drawings.items() if number <= one <= number + 2}
        if number not in self._drawings:
            drawing: Future[Drawing] = Future()
            drawing.set_result(self._draw(number * self._every_s))
            self._drawings[number] = drawing
        return self._drawings[number].result()

    def around(self, at_s: float) -> Surrounding[Drawing]:
        """For a frame of a stream. While the next moment is not drawn, the last one stands for both."""
        before, number = self.last(at_s), math.floor(at_s / self._every_s)
        share = at_s / self._every_s - number
        self._draw_ahead(number + 1)
        if share >= 0.5:
            self._draw_ahead(number + 2)
        following = self._drawings[number + 1]
        return Surrounding(before, following.result() if following.done() else before, share)

    def _draw_ahead(self, number: int) -> None:
        if number not in self._drawings:
            self._drawings[number] = self._ahead.submit(self._draw, number * self._every_s)
