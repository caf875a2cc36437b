"""The report of a night: computed from rows each time, and the same for page, API, command line and file."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple

from django.conf import settings
from django.utils import timezone

from cameras.models import Camera
from cameras.selectors import UnknownCamera, visible_cameras
from cameras.status.messages import blocking_gates, describe_pause
from cameras.status.status import read_fields
from captures.sessions.models import ACTIVE
from core.broker.broker import BrokerDown
from core.text.sentences import pluralize
from scheduler.planning.clocks import SiteClock
from scheduler.planning.rules import Site
from scheduler.planning.sky import NightSky, sky_of_night
from scheduler.reports.accounts import CameraAccount, Counts, account_of, sum_of
from scheduler.reports.comparison import PastNight, past_nights
from scheduler.reports.curves import Chart, Curve, charts_of
from scheduler.reports.ledger import Action, CameraLedger, GateClosure, has_events_from, read_incidents, read_ledger
from scheduler.reports.losses import UNACCOUNTED, Loss, length, lost_by_reason
from scheduler.reports.thumbnails import Thumb, choose_thumbs
from scheduler.runs.rules import night_at, sites_of, station_site

State = Literal["future", "running", "complete", "incomplete", "nothing"]
FREE_SHOWN_FOR = timedelta(days=2)
"""Free space is that of now: it is shown with a night that ended recently."""


@dataclass(frozen=True, slots=True)
class CameraReport:
    """`ledger` has the rows that the curves are drawn from. `free_bytes` is that of now; None when it is not known."""

    camera: Camera
    site: Site
    begin: datetime
    end: datetime
    sky: NightSky | None
    account: CameraAccount
    ledger: CameraLedger
    thumbs: tuple[Thumb, ...]
    free_bytes: int | None

    @property
    def losses(self) -> tuple[Loss, ...]:
        return self.account.losses

    @property
    def counts(self) -> Counts:
        return self.account.counts

    @property
    def curves(self) -> list[ChartCurve]:
        return [ChartCurve(chart, curve) for chart in charts_of(self.ledger.captures) for curve in chart.curves]

    @property
    def thumbnails(self) -> list[str]:
        """The URLs of those that can be rendered."""
        return [thumb.url for thumb in self.thumbs if thumb.file]

    @property
    def clock(self) -> SiteClock:
        return SiteClock(self.site.zone, self.begin, self.end)

    @property
    def lost(self) -> timedelta:
        return length(span for loss in self.losses for span in loss.spans)

    @property
    def missing(self) -> int:
        """About how many captures no row counts."""
        return sum(loss.count for loss in self.losses if loss.is_estimate)

    @property
    def lost_by_reason(self) -> dict[str, timedelta]:
        return lost_by_reason(self.losses)

    @property
    def unsynchronised(self) -> dict[str, int]:
        """State of the clock -> captures, where it was not synchronised."""
        found = Counter(row.clock for row in self.ledger.captures if row.clock not in ("", "synchronised"))
        return dict(found)


class CameraLoss(NamedTuple):
    where: CameraReport
    loss: Loss


class ChartCurve(NamedTuple):
    chart: Chart
    curve: Curve


@dataclass(frozen=True, slots=True)
class Report:
    night: date
    state: State
    made_at: datetime
    begin: datetime
    end: datetime
    site: Site
    cameras: tuple[CameraReport, ...]
    idle: tuple[Camera, ...]
    """Cameras without a session, a run or a capture in this night."""
    actions: tuple[Action, ...]
    gates: tuple[GateClosure, ...]
    has_events: bool
    """Whether the event log reaches back to its begin: without it, actions and gates may be missing."""
    past: tuple[PastNight, ...]

    @property
    def counts(self) -> Counts:
        """Of all cameras."""
        return sum_of(one.counts for one in self.cameras)

    @property
    def to_come(self) -> int:
        return sum(one.account.to_come for one in self.cameras)

    @property
    def sum_holds(self) -> bool:
        return self.counts.sum_holds and not self.problems

    @property
    def idle_slugs(self) -> list[str]:
        return [camera.slug for camera in self.idle]

    @property
    def problems(self) -> list[str]:
        """Sums that do not hold, as sentences."""
        return [f"{one.camera.name}: {sentence}" for one in self.cameras for sentence in one.account.problems]

    @property
    def losses(self) -> list[CameraLoss]:
        """Of all cameras, by their begin."""
        found = [CameraLoss(one, loss) for one in self.cameras for loss in one.losses]
        return sorted(found, key=lambda one: (one.loss.begin, one.where.camera.slug))

    @property
    def lost_by_reason(self) -> dict[str, timedelta]:
        return lost_by_reason(loss for _, loss in self.losses)

    @property
    def percent(self) -> float | None:
        """Saved of planned, rounded down so that 100 is all; what never began counts as planned. None when nothing
        was."""
        return percent_of(self.counts.saved, self.counts.planned + sum(one.missing for one in self.cameras))

    @property
    def clock(self) -> SiteClock:
        return SiteClock(self.site.zone, self.begin, self.end)

    @property
    def headline(self) -> str:
        return HEADLINES[self.state]

    @property
    def sentence(self) -> str:
        """Whether the night is complete, and if not: when, what and why of what cost the most."""
        if self.state in ("future", "nothing"):
            return EMPTY[self.state]
        if self.state == "running" and not self.cameras:
            return EMPTY["running"]
        cameras = pluralize(len(self.cameras), "camera")
        counts = f"{self.counts.saved:,} of {self.counts.planned:,} captures of {cameras} saved"
        if self.state == "running":
            counts += f" so far, about {self.to_come:,} to come" if self.to_come else " so far"
        return " ".join([f"{self.headline}: {counts}.", *self._worst(), *self.problems])

    def _worst(self) -> list[str]:
        if not self.losses:
            return []
        where, loss = max(self.losses, key=lambda one: (one.loss.lost, one.loss.count))
        times = f"{where.clock.short(loss.begin)} to {where.clock.short(loss.end)} {where.clock.zone_name(loss.end)}"
        about = "about " if loss.is_estimate else ""
        lost = f"{about}{pluralize(loss.count, 'capture')}"
        message = f" {loss.message}" if loss.message else ""
        return [f"Largest loss: {where.camera.name}, {times}, {lost}, {reason_text(loss.reason)}.{message}"]


HEADLINES: dict[State, str] = {
    "future": "To come",
    "running": "Running",
    "complete": "Complete",
    "incomplete": "Incomplete",
    "nothing": "Nothing",
}
EMPTY = {
    "future": "This night has not begun. Tonight shows what will run.",
    "running": "No run and no capture has begun in this night. Tonight shows what will run.",
    "nothing": "Nothing was planned and nothing was captured in this night.",
}


def reason_text(reason: str) -> str:
    """A reason as words, such as `camera hung`."""
    return {UNACCOUNTED: "no capture and no reason recorded"}.get(reason, reason.replace("_", " "))


def minutes_text(seconds: float) -> str:
    """`0 min`, `12 min`, `2 h 5 min`: a time that was lost, rounded up, so that 0 is none."""
    whole = int(-(-seconds // 60))
    return f"{whole} min" if whole < 60 else f"{whole // 60} h {whole % 60} min"


def percent_of(saved: int, planned: int) -> float | None:
    return int(1000 * saved / planned) / 10 if planned else None


def last_night(viewer: Any = None, now: datetime | None = None) -> date:
    """The last night that is over: the present one after its sunrise, else the one before."""
    return night_at(main_site(seen_cameras(viewer)), now or timezone.now()) - timedelta(days=1)


def seen_cameras(viewer: Any = None) -> list[Camera]:
    """The cameras of a report, removed ones too. `viewer` None: the station, which sees all."""
    return list(Camera.objects.all()) if viewer is None else visible_cameras(viewer)


def main_site(cameras: Sequence[Camera]) -> Site:
    """The first with coordinates: its zone names the times of what concerns several cameras."""
    sites = sites_of(cameras).values()
    return next(iter(sorted(sites, key=lambda site: site.latitude is None)), station_site())


def night_report(
    night: date, cameras: Sequence[Camera] | None = None, viewer: Any = None, now: datetime | None = None
) -> Report:
    """The report of `cameras`, by default of all that `viewer` may see; without a viewer it is that of the station.
    OverflowError for a night beyond the calendar."""
    cameras, now = list(seen_cameras(viewer) if cameras is None else cameras), now or timezone.now()
    sites = sites_of(cameras)
    ranges = {camera.pk: sites[camera.pk].night_range(night) for camera in cameras}
    site = main_site(cameras)
    begin, end = site.night_range(night)
    ledgers = read_ledger(cameras, night, ranges)
    skies = {one: sky_of_night(one, night) for one in set(sites.values()) if one.latitude is not None and begin < end}
    busy = [camera for camera in cameras if camera.pk in ledgers and not ledgers[camera.pk].is_empty]
    thumbs = choose_thumbs({camera.pk: ledgers[camera.pk].captures for camera in busy})
    clock = SiteClock(site.zone, begin, end)
    pauses = read_pauses(busy, clock) if begin <= now < end else {}
    reports = [
        CameraReport(
            camera, sites[camera.pk], *ranges[camera.pk], skies.get(sites[camera.pk]),
            account_of(camera, ledgers[camera.pk], ranges[camera.pk], now, pauses.get(camera.slug, "")),
            ledgers[camera.pk], tuple(thumbs.get(camera.pk, ())), _free_now(thumbs.get(camera.pk, ()), end, now),
        )
        for camera in busy
    ]  # fmt: skip
    actions, gates = read_incidents(cameras, viewer, begin, end)
    return Report(
        night=night,
        # A camera at another site may begin and end its night hours earlier or later.
        state=_state(
            reports, min([begin, *(one.begin for one in reports)]), max([end, *(one.end for one in reports)]),
            skies.get(site), now,
        ),
        made_at=now,
        begin=begin,
        end=end,
        site=site,
        cameras=tuple(reports),
        idle=tuple(camera for camera in cameras if camera not in busy and camera.removed_at is None),
        actions=actions,
        gates=gates,
        has_events=has_events_from(begin),
        past=past_nights(night, cameras),
    )  # fmt: skip


def read_pauses(cameras: Sequence[Camera], clock: SiteClock) -> dict[str, str]:
    """Slug -> for which closed gates its running session waits now, as a sentence. Empty while the broker is away."""
    try:
        found = read_fields([camera.slug for camera in cameras], ("session", "gates"))
    except BrokerDown:
        return {}
    closed = {slug: blocking_gates(fields["session"], fields["gates"]) for slug, fields in found.items()}
    return {
        slug: describe_pause(gates, lambda at: clock.time(datetime.fromisoformat(at))) for slug, gates in closed.items()
    }


def _free_now(thumbs: Sequence[Thumb], end: datetime, now: datetime) -> int | None:
    """Of the disk with the newest of these captures; None for an old night, and for a disk of another host."""
    files = [thumb.file for thumb in thumbs if thumb.file and thumb.file.host == settings.STATION.host]
    if not files or now - end >= FREE_SHOWN_FOR:
        return None
    try:
        return shutil.disk_usage(files[-1].root.path).free
    except OSError:
        return None  # not mounted: an alert of its own says so


def _state(
    reports: Sequence[CameraReport], begin: datetime, end: datetime, sky: NightSky | None, now: datetime
) -> State:
    if now < begin:
        return "future"
    if not _is_over(reports, end, sky, now):
        return "running"
    if not any(one.counts.planned or one.losses for one in reports):
        return "nothing"
    return "complete" if all(one.account.is_complete for one in reports) else "incomplete"


def _is_over(reports: Sequence[CameraReport], end: datetime, sky: NightSky | None, now: datetime) -> bool:
    """After its end; after sunrise as soon as nothing runs and nothing is to come."""
    if now >= end:
        return True
    sunrise = sky.twilight.sunrise if sky else None
    if sunrise is None or now < sunrise:
        return False
    sessions = [session for one in reports for session in one.ledger.sessions]
    ended = {session.pk for session in sessions if session.state not in ACTIVE}
    runs = [run for one in reports for run in one.ledger.runs]
    return len(ended) == len(sessions) and all(run.ends_at <= now or run.pk in ended for run in runs)


def chosen_cameras(viewer: Any, slug: str | None) -> list[Camera]:
    """The cameras of one slug, removed ones too; without a slug all that `viewer` may see. UnknownCamera."""
    seen = seen_cameras(viewer)
    if slug is None:
        return seen
    found = [camera for camera in seen if camera.slug == slug]
    if not found:
        raise UnknownCamera(slug)
    return found
