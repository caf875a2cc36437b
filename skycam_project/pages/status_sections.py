"""What waits in the station, and its sensors, for the status page; and its small charts of the last hour, drawn on
the server as SVG polylines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from cameras.selectors import cameras_for
from cameras.status.process_usage import HOUR_S, LONGEST_STEP_S, Range
from captures.storage.offsite.models import Destination
from captures.storage.offsite.selectors import backlog_of
from core.broker.broker import BrokerDown
from core.broker.queue_lengths import queue_lengths
from core.broker.queues import STATION_QUEUE, camera_queue, files_queue, jobs_queue
from core.jobs.services import jobs_for
from core.jobs.states import UNFINISHED, JobState
from core.station_zone import reader_time_text
from core.templatetags.skycam import format_bytes
from monitoring.models import DeliveryState, NotificationChannel, Sensor, Webhook
from monitoring.notifications.selectors import channels_for, with_pending
from monitoring.sensor_management.selectors import sensors_for, with_status
from monitoring.webhooks.selectors import webhooks_for
from skycam_project.backups.service import last_made

WIDTH, HEIGHT = 100, 16


@dataclass(frozen=True, slots=True)
class Sparkline:
    """`lines` are the points of polylines in a box of WIDTH by HEIGHT; `summary` is what they show, in words."""

    lines: list[str]
    summary: str

    @property
    def svg(self) -> SafeString:
        # Not a template: a page has two charts of each camera, and the templates took longer than the drawing.
        lines = "".join(f'<polyline points="{points}" />' for points in self.lines)
        return format_html(
            '<svg class="spark" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{summary}">'
            "<title>{summary}</title>{}</svg>",
            WIDTH, HEIGHT, mark_safe(lines), summary=self.summary,  # noqa: S308 - numbers
        )  # fmt: skip


def sparkline(ranges: Sequence[Range], now: float, least_top: float, what: str, unit: str) -> Sparkline | None:
    """The hour before `now`: the most of each minute. The scale begins at 0 and ends at the largest value, or at
    `least_top`. None with fewer than two samples in a row."""
    recent = [one for one in ranges if now - HOUR_S <= one.at <= now + LONGEST_STEP_S]
    parts = [part for part in unbroken(recent) if part[0].began < part[-1].at]
    if not parts:
        return None
    lowest, highest = min(one.least for one in recent), max(one.most for one in recent)
    top = max(highest, least_top)
    lines = [line(part, now, top) for part in parts]
    return Sparkline(lines, f"{what} in the last hour: {lowest:.0f} to {highest:.0f} {unit}")


def line(part: Sequence[Range], now: float, top: float) -> str:
    first = part[0]
    beginning = [place(first.began, first.most, now, top)] if first.began < first.at else []
    return " ".join([*beginning, *(place(one.at, one.most, now, top) for one in part)])


def place(at: float, value: float, now: float, top: float) -> str:
    x = WIDTH * min(1.0, 1 - (now - at) / HOUR_S)
    # Half a line's width stays free above and below.
    y = HEIGHT - 0.75 - (HEIGHT - 1.5) * value / top
    return f"{x:.1f},{y:.1f}"


def unbroken(ranges: Iterable[Range]) -> list[list[Range]]:
    """The ranges, cut where samples are missing."""
    parts: list[list[Range]] = []
    for one in ranges:
        if parts and one.began - parts[-1][-1].at <= LONGEST_STEP_S:
            parts[-1].append(one)
        else:
            parts.append([one])
    return parts


SECTIONS = {
    "queues": "skycam_project.pages.status_sections.queues",
    "jobs": "skycam_project.pages.status_sections.jobs",
    "sensors": "skycam_project.pages.status_sections.sensors",
    "backups": "skycam_project.pages.status_sections.backups",
    "deliveries": "skycam_project.pages.status_sections.deliveries",
}
"""Sections of figures on the status page, in their order: a function from a user to a Section, or None for nothing."""
DAY = timedelta(days=1)
MANY_COMMANDS = 10
"""A camera host takes each command at once: more than these mean that it does not."""
MANY_TASKS = 100


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` and then `words` below `title`; `note` is what a person should know. `tone`: warn, bad or empty."""

    title: str
    value: str
    words: str
    note: str = ""
    tone: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    figures: list[Figure]


def queues(user: Any) -> Section:
    """Commands that camera hosts have not taken yet, and tasks of the jobs parts."""
    hosts = list(cameras_for(user).order_by("host").values_list("host", flat=True).distinct())
    try:
        lengths = queue_lengths(hosts)
    except BrokerDown:
        return Section("Queues", [Figure("Broker", "unknown", "", "The broker does not answer.", "warn")])
    figures = [
        queue_figure(
            f"Commands of {host}", lengths[camera_queue(host)], MANY_COMMANDS, "The camera host does not take them."
        )
        for host in hosts
    ]
    late = "The jobs part is busy, or does not run."
    figures.append(queue_figure("Tasks of the station", lengths[STATION_QUEUE], MANY_TASKS, late))
    for host in hosts:
        number = lengths[jobs_queue(host)] + lengths[files_queue(host)]
        figures.append(queue_figure(f"Tasks of {host}", number, MANY_TASKS, late))
    return Section("Queues", figures)


def queue_figure(title: str, number: int, many: int, note: str) -> Figure:
    is_long = number > many
    return Figure(title, str(number), "waiting", note if is_long else "", "warn" if is_long else "")


def jobs(user: Any) -> Section:
    """Unfinished jobs by state, and those that failed within a day."""
    rows = jobs_for(user).order_by()
    unfinished = dict(
        rows.filter(state__in=[state.value for state in UNFINISHED]).values_list("state").annotate(number=Count("id"))
    )
    failed = rows.filter(state=JobState.FAILED.value, ended_at__gte=timezone.now() - DAY).count()
    page = reverse("jobs")
    return Section(
        "Jobs",
        [
            Figure("Waiting", str(unfinished.get(JobState.WAITING.value, 0)), "jobs", url=page),
            Figure("Running", str(unfinished.get(JobState.RUNNING.value, 0)), "jobs", url=page),
            Figure("Failed", str(failed), "in 24 hours", tone="warn" if failed else "", url=f"{page}?state=failed"),
        ],
    )


def sensors(user: Any) -> Section | None:
    """Each sensor with how many of its channels have a good value."""
    figures = [sensor_figure(sensor) for sensor in with_status(sensors_for(user))]
    return Section("Sensors", figures) if figures else None


def sensor_figure(sensor: Sensor) -> Figure:
    channels = sensor.channels.all()
    good = sum(channel.quality == "ok" for channel in channels)
    is_well = sensor.state in {"ok", "off", "starting"} and (good == len(channels) or sensor.state == "off")
    return Figure(
        sensor.display_name,
        sensor.state,
        f"{good} of {len(channels)} values",
        sensor.message,
        "" if is_well else "warn",
        reverse("sensor", args=[sensor.name]),
    )


def backups(user: Any) -> Section | None:
    """The newest backup of this machine. Only managers may make one."""
    if not user.may("manager"):
        return None
    found = last_made(settings.STATION)
    if found is None:
        return Section("Backups", [Figure("Newest", "none", "skycam backup make")])
    made = reader_time_text(datetime.fromisoformat(found["made"]))
    copy = found.get("offsite")
    note = "" if not copy else f"off-site: {copy['destination']}" if copy["verified"] else copy["error"]
    tone = "warn" if copy and not copy["verified"] else ""
    return Section("Backups", [Figure("Newest", made, f"{format_bytes(found['bytes'])}, verified", note, tone)])


def deliveries(user: Any) -> Section | None:
    """The backlogs of notification channels, web-hooks and off-site destinations. Only managers may see their names."""
    if not user.may("manager"):
        return None
    found = [*channel_figures(user), *webhook_figures(user), *destination_figures()]
    return Section("Deliveries", found) if found else None


def channel_figures(user: Any) -> Iterator[Figure]:
    for channel in with_pending(channels_for(user).order_by("name"), user):
        yield delivery_figure(channel, channel.pending, reverse("channel", args=[channel.pk]))


def webhook_figures(user: Any) -> Iterator[Figure]:
    pending = Count("deliveries", filter=Q(deliveries__state=DeliveryState.PENDING))
    for webhook in webhooks_for(user).annotate(waiting=pending).order_by("name"):
        yield delivery_figure(webhook, webhook.waiting, reverse("webhook", args=[webhook.pk]))


def delivery_figure(receiver: NotificationChannel | Webhook, waiting: int, url: str) -> Figure:
    note = "" if receiver.enabled else "off"
    if receiver.failing_since is not None:
        note = f"failing since {reader_time_text(receiver.failing_since)}"
    return Figure(receiver.name, str(waiting), "pending", note, "warn" if receiver.failing_since else "", url)


def destination_figures() -> Iterator[Figure]:
    for destination in Destination.objects.order_by("name"):
        backlog = backlog_of(destination)
        words = f"files waiting, {backlog.bytes / 1e9:.1f} GB"
        note = f"{backlog.dead} need a person" if backlog.dead else ""
        yield Figure(destination.name, str(backlog.files), words, note, "bad" if backlog.dead else "")
