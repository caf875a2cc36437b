"""Celery's pool of threads, with a restart: `celery -A skycam_project control pool_restart`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from celery.concurrency.thread import TaskPool


class RestartableThreads(TaskPool):  # type: ignore[misc]
    executor: ThreadPoolExecutor

    def restart(self) -> None:
        """Tasks that run come to their end on the old threads."""
        old, self.executor = self.executor, ThreadPoolExecutor(max_workers=self.limit)
        old.shutdown(wait=False)
