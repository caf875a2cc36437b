"""Rows as what the planner is given: the sites of cameras, which each host tells, from its own configuration or the
page Settings; schedules as rules, and programmes of their runs; and schedules that cannot be planned as they are
stored: an older version wrote them, or their site has changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils import timezone
from pydantic import ValidationError as Refused

from cameras.models import Camera, CameraHost
from cameras.selectors import cameras_for
from captures import paths as nights
from core.api.model import describe_error
from core.events.selectors import unresolved_keys
from core.events.service import raise_alert, resolve_alert
from core.sky.horizon import Horizon
from core.sky.horizon_text import parse_horizon
from core.sky.intervals import Interval
from core.station_settings import site_config
from core.station_zone import station_zone_name
from scheduler.planning.rules import Change, ClockRule, MoonRule, ScheduleRule, Site, SunRule
from scheduler.planning.sky import sky_of_night
from scheduler.schedules.models import WEEKDAYS, NightChange, Schedule


def sites_of(cameras: Iterable[Camera]) -> dict[UUID, Site]:
    """The site of each camera, by the camera's id. That of a host that was never up is the station's; one that cannot
    be used is unknown."""
    unusable = unusable_sites()
    hosts = {host.name: site_of_host(host) for host in CameraHost.objects.exclude(name__in=unusable)}
    hosts |= dict.fromkeys(unusable, Site())
    return {camera.pk: hosts.get(camera.host) or station_site() for camera in cameras}


def station_site() -> Site:
    """The site of the station's own settings, where no host of a camera tells one."""
    return _site({**site_config().model_dump(), "time_zone": station_zone_name()})


def lacks_site(user: Any) -> bool:
    """Whether a camera that the user may see stands at a site without coordinates; without cameras, whether the station
    has none."""
    sites = sites_of(cameras_for(user)).values()
    return any(site.latitude is None for site in sites) if sites else site_config().latitude is None


def unusable_sites() -> dict[str, str]:
    """Name of a host -> why the site that it tells cannot be used, such as a time zone that is not known here."""
    found: dict[str, str] = {}
    for host in CameraHost.objects.all():
        try:
            site_of_host(host)
        except (ValueError, TypeError) as error:
            found[host.name] = f"The site of the host {host.name} cannot be used: {error}"
    return found


def site_of_host(host: CameraHost) -> Site:
    """ValueError or TypeError for a site that cannot be used."""
    return _site(host.site)


def _site(told: Mapping[str, Any]) -> Site:
    if (told.get("latitude") is None) != (told.get("longitude") is None):
        raise ValueError("it has only one of latitude and longitude.")
    return Site(
        latitude=told.get("latitude"),
        longitude=told.get("longitude"),
        elevation=told.get("elevation") or 0.0,
        time_zone=told.get("time_zone") or "UTC",
        horizon=Horizon(parse_horizon(told["horizon"])) if told.get("horizon") else Horizon(),
    )


def present_night(schedule: Schedule) -> date:
    """The night at the site of its first camera: the present one, or the coming one by day."""
    return night_at(site_of(schedule), timezone.now())


def night_range_of(schedule: Schedule, night: date) -> Interval:
    return site_of(schedule).night_range(night)


def site_of(schedule: Schedule) -> Site:
    camera = schedule.cameras.order_by("slug").first()
    return sites_of([camera])[camera.pk] if camera else station_site()


def night_at(site: Site, now: datetime) -> date:
    """Named by the date of the evening. After sunrise, or without it from noon on, the coming one; without coordinates
    the calendar day."""
    found = nights.night_of(now, nights.Site(site.latitude, site.longitude, site.time_zone))
    if site.latitude is None:
        return found
    sunrise = sky_of_night(site, found).twilight.sunrise
    return found + timedelta(days=1) if sunrise and now >= sunrise else found


SAME = ("name", "programme", "first_night", "last_night", "priority", "enabled", "on_held", "created_by")
"""What a rule has as the row has it."""


def schedule_rule(schedule: Schedule, cameras: Iterable[Camera]) -> ScheduleRule:
    return ScheduleRule(
        id=str(schedule.pk),
        cameras=tuple(str(camera.pk) for camera in cameras),
        window=_window(schedule),
        moon=_moon(schedule),
        weekdays=frozenset(WEEKDAYS.index(day) for day in schedule.weekdays or WEEKDAYS),
        **{name: getattr(schedule, name) for name in SAME},
    )


def _window(schedule: Schedule) -> SunRule | ClockRule:
    window = schedule.window
    if "sun" not in window:
        return ClockRule(begin=window["begin"], end=window["end"])
    return SunRule(
        altitude=window["sun"],
        begin_offset_s=window.get("begin_offset_s", 0.0),
        end_offset_s=window.get("end_offset_s", 0.0),
    )


def _moon(schedule: Schedule) -> MoonRule | None:
    moon = schedule.moon
    return MoonRule(max_phase=moon.get("max_phase"), max_altitude=moon.get("max_altitude")) if moon else None


def change_rules(change: NightChange, cameras: Iterable[Camera]) -> list[Change]:
    return [
        Change(
            schedule=str(change.schedule_id),
            camera=str(camera.pk),
            night=change.night,
            skip=change.skip,
            begin=change.begins_at,
            end=change.ends_at,
        )
        for camera in cameras
    ]


def programme_for(schedule: Schedule, camera: Camera) -> dict[str, Any]:
    """The programme of the schedule's runs on the camera. ValueError when it is not valid any more."""
    # Not at the top: its models take 20 ms to build, and `skycam tonight` shows runs that have their programme.
    from scheduler.schedules.descriptions import ScheduleProgramme

    return ScheduleProgramme.model_validate(schedule.programme).programme(camera)


ALERT = "schedule.unplannable:"
Problems = dict[UUID, str]
"""Schedule -> what is wrong with it, as a sentence."""


def rule_problems(schedules: Iterable[Schedule]) -> Problems:
    """Of those whose windows cannot be planned."""
    sites = unusable_sites()
    found = {schedule.pk: _rule_problem(schedule, sites) for schedule in schedules}
    return {pk: problem for pk, problem in found.items() if problem}


def planning_problems(schedules: Iterable[Schedule]) -> Problems:
    """Of those that have no windows, or no programme."""
    listed = list(schedules)
    found = {schedule.pk: problem for schedule in listed if (problem := _programme_problem(schedule))}
    return {**found, **rule_problems(listed)}


def _rule_problem(schedule: Schedule, unusable: dict[str, str]) -> str:
    cameras = _present(schedule)
    try:
        schedule_rule(schedule, cameras)
    # Whatever the row contains: the other schedules are planned.
    except (ValueError, TypeError, KeyError) as error:
        return f"The schedule {schedule.name} cannot be planned: {error}"
    hosts = sorted({camera.host for camera in cameras} & set(unusable))
    return f"The schedule {schedule.name} cannot be planned: {unusable[hosts[0]]}" if hosts else ""


def _programme_problem(schedule: Schedule) -> str:
    try:
        for camera in _present(schedule):
            programme_for(schedule, camera)
    except Refused as error:
        found = " ".join(
            f"{item['loc'][0] if item['loc'] else 'programme'}: {describe_error(item)}" for item in error.errors()
        )
        return f"The schedule {schedule.name} cannot be planned: {found} Edit the schedule."
    except (ValueError, TypeError, KeyError, ValidationError) as error:
        return f"The schedule {schedule.name} cannot be planned: {error}"
    return ""


def _present(schedule: Schedule) -> list[Camera]:
    return [camera for camera in schedule.cameras.all() if camera.removed_at is None]


def report_problems(problems: Problems, schedules: Iterable[Schedule]) -> None:
    """An alert for each, which ends when the schedule can be planned again or is removed. Who may not see one of its
    cameras does not see the schedule."""
    cameras = {f"{ALERT}{schedule.pk}": list(schedule.cameras.all()) for schedule in schedules}
    keys = {f"{ALERT}{pk}": problem for pk, problem in problems.items()}
    open_keys = unresolved_keys(ALERT)
    for key in sorted(keys.keys() - open_keys):
        message = f"{keys[key]} Its planned runs stay as they are."
        raise_alert(key, message, camera=cameras[key], severity="error")
    for key in sorted(open_keys - keys.keys()):
        resolve_alert(key)
