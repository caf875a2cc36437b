"""Celery's consumer and pool with what the station needs: quick reconnects after the broker was down, and a restart
of the pool's threads by `celery -A skycam_project control pool_restart`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from celery.concurrency.thread import TaskPool
from celery.worker.consumer import Consumer

FIRST_S, MORE_S, MOST_S = 0.5, 0.5, 3.0


class FastReconnectConsumer(Consumer):
    """Celery's own consumer waits 2 s longer before each attempt, up to 30 s. After a minute without a broker it
    received no command for another 14 s."""

    def ensure_connected(self, conn: Any) -> Any:
        often = {"interval_start": FIRST_S, "interval_step": MORE_S, "interval_max": MOST_S}
        conn.ensure_connection = partial(conn.ensure_connection, **often)
        return super().ensure_connected(conn)


class RestartableThreads(TaskPool):
    executor: ThreadPoolExecutor

    def restart(self) -> None:
        """Tasks that run come to their end on the old threads."""
        old, self.executor = self.executor, ThreadPoolExecutor(max_workers=self.limit)
        old.shutdown(wait=False)
