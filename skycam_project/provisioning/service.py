"""`Provisioning` plans what a file changes, and applies the plan in one transaction through the services that pages and
API use."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from core.registry import resolve
from core.station_settings.values import clear_cache
from skycam_project.config.config_file import ConfigFile
from skycam_project.config.described_lists import LISTS
from skycam_project.provisioning.cameras import CameraRows
from skycam_project.provisioning.described_rows import DescribedRows
from skycam_project.provisioning.plan import Plan, RowsPlan
from skycam_project.provisioning.planning import lock_rows, plan_rows, remove_rows, store_rows
from skycam_project.provisioning.rows import ListRows
from skycam_project.provisioning.schedules import ScheduleRows
from skycam_project.provisioning.sensors import SensorRows
from skycam_project.provisioning.settings import plan_settings
from skycam_project.resources import IN_FILE, RESOURCES
from skycam_project.station_settings import change_settings


def lists_of(file: ConfigFile, user: Any, actor: str) -> list[ListRows]:
    """In the order in which they are stored: what others refer to first, and cameras before sensors, because a host
    with a camera may have sensors."""
    described = [DescribedRows(resolve(RESOURCES[name]), file, user, actor) for name in IN_FILE]
    own = [kind(file, user, actor) for kind in (CameraRows, SensorRows)]
    return [*own, *described, ScheduleRows(file, user, actor)]


class PlanOutdated(Exception):
    """The station has changed since the plan was made; nothing was applied."""


class Provisioning:
    """`user` decides which cameras schedules may use; `actor` stands in the events. With `prune`, rows that are not in
    the file's list are removed."""

    def __init__(self, file: ConfigFile, user: Any, actor: str, *, prune: bool = False) -> None:
        self._file, self._actor, self._prune = file, actor, prune
        self._lists = lists_of(file, user, actor)

    def plan(self) -> Plan:
        """Nothing is changed. ConfigError with a sentence for each wrong value in the file; LeaseHeld when a camera to
        be changed is held by another user."""
        try:
            with transaction.atomic():
                plan = self._compare()
                # What the services refuse is known before anyone confirms the plan.
                self._store(plan)
                transaction.set_rollback(True)
        finally:
            clear_cache()
        return plan

    def apply(self, plan: Plan) -> None:
        """Make the changes of the plan, all or none. PlanOutdated when it is no longer the plan; else as `plan`."""
        try:
            with transaction.atomic():
                for one in self._lists:
                    lock_rows(one)
                clear_cache()
                if self._compare() != plan:
                    raise PlanOutdated("The station has changed since the plan was made, and nothing was applied.")
                self._store(plan)
        finally:
            clear_cache()

    def _compare(self) -> Plan:
        rows: dict[str, RowsPlan] = {}
        for one in self._lists:
            # A file without the list does not say that the station has none; an empty list does.
            rows[one.name] = plan_rows(one, rows, prune=self._prune and (one.name,) in self._file.given)
        changes, stored, not_applied = plan_settings(self._file)
        return Plan(
            rows={name: rows[name] for name in LISTS},
            settings=tuple(changes),
            setting_values=stored,
            not_applied=tuple(not_applied),
        )

    def _store(self, plan: Plan) -> None:
        # Removals first: they make room for new cameras. Settings before cameras: they say how many there may be.
        for one in reversed(self._lists):
            remove_rows(one, plan.rows[one.name])
        if plan.setting_values:
            change_settings(plan.setting_values, self._actor)
        for one in self._lists:
            store_rows(one, plan.rows[one.name])
