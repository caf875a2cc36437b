"""Celery's part in a command: hand it to the Supervisor of this host and return."""

from __future__ import annotations

from celery import shared_task

from cameras.control import Command


@shared_task(name="cameras.deliver", ignore_result=True)
def deliver(command: Command) -> None:
    from cameras.supervision.supervisor import supervisor

    supervisor().orders.hand(command)
