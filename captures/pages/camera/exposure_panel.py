"""The panel of a camera's page with the exposures of the last hours: points, curves and limits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from django.db.models import BooleanField, ExpressionWrapper, F, Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from cameras.camera_view import CameraPage
from cameras.drivers.base import SettingRange
from cameras.exposure.control import SETTING_FORMATS
from cameras.exposure.parameters import Parameter, finite, parameters_of
from cameras.exposure.settings import ExposureControl, growth_order
from cameras.models import Camera
from cameras.programmes.kinds import cycle_of, reference_shot
from cameras.spool.records import Programme
from captures.capturing.models import Capture
from captures.curves import Curve, Level, Scale, line_of, log_scale
from captures.sessions.models import ACTIVE, Session
from core.times.durations import format_rounded_exposure

MOST_POINTS = 600


@dataclass(frozen=True, slots=True)
class ExposurePoint:
    """A saved capture. Brightness and shares are fractions; None where they were not measured."""

    at: datetime
    exposure_us: int
    gain: float | None
    iso: int | None
    f_number: float | None
    statistics: dict[str, float]

    @property
    def saturated(self) -> float | None:
        return self.statistics.get("saturated")

    @property
    def brightness(self) -> float | None:
        """The mean, as recorded."""
        return self.statistics.get("mean")

    @property
    def used(self) -> dict[str, Any]:
        """The settings that it was made with."""
        given = {"exposure_us": self.exposure_us, "gain": self.gain, "iso": self.iso, "f_number": self.f_number}
        return {name: value for name, value in given.items() if value is not None}


def exposure_points(
    camera: Camera, begin: datetime, end: datetime, cycle: int = 1, shot: int = 0, most: int = MOST_POINTS
) -> list[ExposurePoint]:
    """Captures of sessions, oldest first: at most `most`, evenly chosen from all, in two queries. Of a bracket (a
    `cycle` of several exposures) only those with the place `shot` in it."""
    rows = Capture.objects.filter(
        camera=camera, status=Capture.Status.SAVED, started_at__range=(begin, end), index__isnull=False,
        exposure_us__isnull=False,
    )  # fmt: skip
    step = cycle * max(1, math.ceil(rows.count() / (cycle * most)))
    # By the number in the session: captures themselves and not means, which no camera has used.
    chosen = rows.annotate(place=F("index") % step).filter(place=shot)
    values = chosen.order_by("-started_at", "-id").values_list(
        "started_at", "exposure_us", "gain", "iso", "f_number", "statistics"
    )
    return [
        ExposurePoint(at, exposure_us or 0, gain, iso, f_number, statistics or {})
        for at, exposure_us, gain, iso, f_number, statistics in reversed(values[:most])
    ]


SPAN = timedelta(hours=12)
SHORTEST = timedelta(minutes=10)
"""Of the curve, so that the first points do not fill its width."""
TABLE_ROWS = 24
LIMIT_EV = 0.05
"""As near to a limit, settings count as being at it: cameras round them."""
LABELS = {"exposure_us": "Exposure", "gain": "Gain", "iso": "ISO", "f_number": "Aperture"}
AT_LIMIT = {
    "bright": "At its upper limits: it cannot get brighter.",
    "dark": "At its lower limits: it cannot get darker.",
}
BRIGHTNESS = Scale(0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Limit:
    label: str
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class ExposurePanel:
    """`points` are captures of sessions, oldest first. `control` is that of the running session, or of the newest one;
    None for fixed settings."""

    session: Session | None
    control: ExposureControl | None
    points: list[ExposurePoint]
    begin: datetime
    end: datetime
    ranges: Mapping[str, SettingRange]

    @property
    def is_running(self) -> bool:
        return self.session is not None and self.session.state in {"running", "waiting", "paused"}

    @property
    def mode(self) -> str:
        return "automatic" if self.control else "fixed"

    @property
    def measure(self) -> str:
        """How the brightness of the captures is measured: as the exposure control does it."""
        return self.control["measure"] if self.control else "mean"

    def _brightness(self, point: ExposurePoint) -> float | None:
        # Captures of a session with fixed settings, and of an earlier version, have no controlled measure.
        known = point.statistics.get("controlled") if self.control else None
        return point.statistics.get(self.measure, point.brightness) if known is None else known

    @property
    def newest(self) -> ExposurePoint | None:
        return self.points[-1] if self.points else None

    @property
    def measured(self) -> float | None:
        return self._brightness(self.newest) if self.newest else None

    @property
    def used(self) -> str:
        """`exposure 8 s, ISO 800, f/2.8`."""
        return settings_text(self.newest.used) if self.newest else ""

    @property
    def limits(self) -> list[Limit]:
        """In the order in which the settings grow for more light."""
        if self.control is None:
            return []
        return [
            Limit(LABELS[name], *(bare_text(name, value) for value in limits))
            for name in growth_order(self.control)
            if (limits := cast(Any, self.control).get(name))
        ]

    @property
    def at_limit(self) -> str:
        """A sentence if the newest capture used all that the limits and the camera allow; else empty."""
        if self.control is None or self.newest is None:
            return ""
        return AT_LIMIT.get(limit_reached(parameters_of(self.control, self.ranges), self.newest.used), "")

    @property
    def curves(self) -> list[Curve]:
        """Of fixed settings the brightness alone."""
        shown = [self._exposure_curve] if self.control else []
        return [*shown, self._brightness_curve] if any(point.statistics for point in self.points) else shown

    @property
    def _exposure_curve(self) -> Curve:
        values = [(point.at, float(point.exposure_us)) for point in self.points]
        scale = log_scale(value for _, value in values)
        return Curve(
            title="Exposure",
            lines=[line_of("exposure", values, self.begin, self.end, scale)],
            top=format_rounded_exposure(scale.high),
            bottom=format_rounded_exposure(scale.low),
            note=format_rounded_exposure(values[-1][1]) if values else "",
        )

    @property
    def _brightness_curve(self) -> Curve:
        found = [(point.at, value) for point in self.points if (value := self._brightness(point)) is not None]
        saturated = [(point.at, point.saturated) for point in self.points if point.saturated is not None]
        target = [Level("target", BRIGHTNESS.y_of(self.control["target"]))] if self.control else []
        return Curve(
            title="Brightness",
            lines=[
                line_of("brightness", found, self.begin, self.end, BRIGHTNESS),
                line_of("saturated", saturated, self.begin, self.end, BRIGHTNESS),
            ],
            top="1",
            bottom="0",
            note=f"{found[-1][1]:.2f}" if found else "",
            levels=target,
        )

    @property
    def rows(self) -> list[tuple[ExposurePoint, str, float | None]]:
        """The newest first, evenly chosen: the point, its settings and its brightness."""
        step = max(1, -(-len(self.points) // TABLE_ROWS))
        return [(one, settings_text(one.used), self._brightness(one)) for one in self.points[::-1][::step]]


def exposure_panel(camera: Camera, now: datetime) -> ExposurePanel:
    """Three queries, whatever the number of captures."""
    active = ExpressionWrapper(Q(state__in=ACTIVE), BooleanField())
    session = Session.objects.filter(camera=camera).order_by(active.desc(), "-created_at").first()
    programme = cast(Programme, session.programme if session else {})
    cycle, shot = (len(cycle_of(programme)), reference_shot(programme)) if programme else (1, 0)
    points = exposure_points(camera, now - SPAN, now, cycle, shot)
    known = camera.capabilities.get("settings") or {}
    return ExposurePanel(
        session=session,
        control=programme.get("control"),
        points=points,
        begin=min(points[0].at, now - SHORTEST) if points else now - SPAN,
        end=now,
        ranges={name: SettingRange(**limits) for name, limits in known.items()},
    )


def limit_reached(parameters: list[Parameter], used: Mapping[str, Any]) -> str:
    """`bright` or `dark` if all settings are as bright, or as dark, as they can be; else empty."""
    known = [
        (one, one.ev(value))
        for one in parameters
        if (value := finite(used.get(one.name))) is not None and one.scale.is_valid(value)
    ]
    if known and all(ev >= one.high_ev - LIMIT_EV for one, ev in known):
        return "bright"
    return "dark" if known and all(ev <= one.low_ev + LIMIT_EV for one, ev in known) else ""


def settings_text(used: Mapping[str, Any]) -> str:
    return ", ".join(SETTING_FORMATS[name](value) for name, value in used.items())


def bare_text(name: str, value: float) -> str:
    """Without the name of the setting."""
    return SETTING_FORMATS[name](value).removeprefix("exposure ").removeprefix("gain ").removeprefix("ISO ")


class ExposurePage(CameraPage):
    template = "cameras/_exposure_now.html"

    def get(self, request: HttpRequest, slug: str) -> HttpResponse:
        return self.render({**exposure_context(self.camera()), "oob": True})


def exposure_context(camera: Camera) -> dict[str, Any]:
    return {"camera": camera, "panel": exposure_panel(camera, timezone.now())}
