"""Periodic tasks that are late: a metric, and an alert for each that stays late on a host."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from cameras.models import CameraHost
from core.broker.broker import BrokerDown
from core.events.selectors import unresolved_keys
from core.events.service import raise_alert, resolve_alert
from core.periodic.part_tasks import Place, RunReport, late_s, read_reports, since_last_run_s
from core.periodic.task import Owner

ALERT_AFTER_S = 300.0
"""A busy machine, or an outage of the database or the broker with alerts of its own, makes much late for a moment."""


def lateness() -> dict[tuple[str, str], float]:
    """Host and task -> for how many seconds the task has been late there; of several threads, the latest. A task of the
    station is that of the host which ran it last. BrokerDown."""
    hosts = {*CameraHost.objects.values_list("name", flat=True), settings.STATION.host}
    parts = sorted({task.part for task in settings.PERIODIC_TASKS.values() if task.part})
    runs: defaultdict[str, list[tuple[str, RunReport]]] = defaultdict(list)
    for place, report in read_reports(Place(host, part) for host in sorted(hosts) for part in parts).items():
        for run in report["runs"]:
            runs[run["task"]].append((place.host, run))
    found: dict[tuple[str, str], float] = {}
    for task in settings.PERIODIC_TASKS.values():
        ran = runs[task.name]
        if ran and task.owner is Owner.STATION:
            ran = [min(ran, key=lambda one: since_last_run_s(one[1]))]
        for host, run in ran:
            found[host, task.name] = max(found.get((host, task.name), 0.0), late_s(task, run))
    return found


def update_late_alerts(host: str) -> None:
    """Open an alert for each task that has been late on this host for ALERT_AFTER_S, and close those of the tasks that
    are not late now. Nothing changes while the broker, which has the reports, is away. DatabaseError."""
    try:
        late = {task: seconds for (there, task), seconds in lateness().items() if there == host and seconds > 0}
    except BrokerDown:
        return
    keys = {f"host.task_late:{host}:{name}": name for name in late}
    for key, name in keys.items():
        task = settings.PERIODIC_TASKS[name]
        if late[name] >= ALERT_AFTER_S:
            message = f"The periodic task {name} of {host} is late. {task.late} `skycam doctor` says more."
            raise_alert(key, message, camera=None, data={"host": host, "task": name}, host=host)
    for key in unresolved_keys(f"host.task_late:{host}:") - keys.keys():
        resolve_alert(key)


def late_metrics(user: Any) -> Iterator[Metric]:
    """Nothing while the broker is away."""
    if not user.may("viewer"):
        return
    try:
        found = lateness()
    except BrokerDown:
        return
    if found:
        family = GaugeMetricFamily(
            "skycam_periodic_late_seconds", "For how long a periodic task has been late.", labels=["task", "host"]
        )
        for (host, task), seconds in sorted(found.items()):
            family.add_metric([task, host], seconds)
        yield family
