"""`Provisioning` plans what a file changes, and applies the plan in one transaction through the services that pages and
API use."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from cameras.models import Camera
from core.station_settings.values import clear_cache
from monitoring.models import NotificationChannel, NotificationRoute, Sensor
from scheduler.runs.replanning import replan
from scheduler.schedules.models import Schedule
from skycam_project.config.config_file import ConfigFile
from skycam_project.provisioning.cameras import plan_cameras, remove_cameras, store_cameras
from skycam_project.provisioning.notification_channels import plan_channels, remove_channels, store_channels
from skycam_project.provisioning.notification_routes import plan_routes, remove_routes, store_routes
from skycam_project.provisioning.plan import Plan, names_of
from skycam_project.provisioning.schedules import plan_schedules, remove_schedules, store_schedules
from skycam_project.provisioning.sensors import plan_sensors, remove_sensors, store_sensors
from skycam_project.provisioning.settings import plan_settings
from skycam_project.station_settings import change_settings


class PlanOutdated(Exception):
    """The station has changed since the plan was made; nothing was applied."""


class Provisioning:
    """`user` decides which cameras schedules may use; `actor` stands in the events. With `prune`, rows that are not in
    the file's list are removed."""

    def __init__(self, file: ConfigFile, user: Any, actor: str, *, prune: bool = False) -> None:
        self._file, self._user, self._actor, self._prune = file, user, actor, prune

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
                # Of two people at once, the second compares with what the first has stored.
                list(Camera.objects.present().select_for_update())
                list(Sensor.objects.select_for_update())
                list(Schedule.objects.select_for_update())
                list(NotificationChannel.objects.select_for_update())
                list(NotificationRoute.objects.select_for_update())
                clear_cache()
                if self._compare() != plan:
                    raise PlanOutdated("The station has changed since the plan was made, and nothing was applied.")
                self._store(plan)
        finally:
            clear_cache()

    def _compare(self) -> Plan:
        file = self._file
        cameras = plan_cameras(file, self._actor, prune=self._prunes("cameras"))
        known = {*names_of(cameras.added), *Camera.objects.present().values_list("slug", flat=True)}
        channels = plan_channels(file, prune=self._prunes("notification_channels"))
        changes, stored, not_applied = plan_settings(file)
        return Plan(
            cameras=cameras,
            schedules=plan_schedules(file, known - {*cameras.removed}, prune=self._prunes("schedules")),
            settings=tuple(changes),
            setting_values=stored,
            not_applied=tuple(not_applied),
            sensors=plan_sensors(file, prune=self._prunes("sensors")),
            channels=channels,
            routes=plan_routes(file, channels, prune=self._prunes("notification_routes")),
        )

    def _prunes(self, list_name: str) -> bool:
        # A file without the list does not say that the station has none; an empty list does.
        return self._prune and (list_name,) in self._file.given

    def _store(self, plan: Plan) -> None:
        # Removals first: they make room for new cameras. Settings before cameras: they say how many there may be.
        remove_schedules(plan.schedules, self._user, self._actor)
        remove_cameras(plan.cameras, self._actor)
        remove_sensors(plan.sensors, self._actor)
        remove_routes(plan.routes, self._actor)
        remove_channels(plan.channels, self._actor)
        if plan.setting_values:
            change_settings(plan.setting_values, self._actor)
        store_cameras(self._file, plan.cameras, self._actor)
        # After the cameras: a host with a camera may have sensors.
        store_sensors(self._file, plan.sensors, self._actor)
        store_channels(self._file, plan.channels, self._actor)
        # After the channels that they lead to.
        store_routes(self._file, plan.routes, self._actor)
        store_schedules(self._file, plan.schedules, self._user, self._actor)
        if plan.schedules.has_changes:
            replan()
