"""The scheduler of the beat part: it sends the station's periodic tasks while its machine owns them."""

from __future__ import annotations

from typing import Any

from celery.beat import Scheduler

from core.stations.lease import PERIODIC_TASKS, TRY_S, StationWork


class StationScheduler(Scheduler):  # type: ignore[misc]
    """Any number of beats may run in a station. When one takes over, each task that is due is sent once."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._work = StationWork(PERIODIC_TASKS)
        super().__init__(*arguments, **options)

    def tick(self, *arguments: Any, **options: Any) -> float:
        if not self._work.is_ours():
            return TRY_S
        return float(super().tick(*arguments, **options))

    def close(self) -> None:
        self._work.release()
        super().close()
