"""What a rule would have done, from stored readings and events."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from django.db.models import QuerySet
from django.utils import timezone

from core.events.models import Event
from core.events.selectors import events_for
from core.limits.refusals import WaitLimiter
from core.station_zone import reader_time_text
from monitoring.alert_rules.engine import Opening, Sample, replay
from monitoring.alert_rules.event_rules import meets, subject_of
from monitoring.alert_rules.rows import rule_of
from monitoring.alert_rules.rule import EVENTS, Rule, duration_text, matches
from monitoring.alert_rules.selectors import channels_by_subject, unit_of
from monitoring.alert_rules.services import WATCHED_EVENTS
from monitoring.alert_rules.signals import add_to_history, new_history, rate_in_hour
from monitoring.models import AlertRule, Reading, ReadingAggregate, ReadingQuality, SensorChannel

EVENTS_AT_ONCE = 2000
MAX_TIMES = 10_000


def watched_events(rule: AlertRule, user: Any, begin: datetime, end: datetime) -> QuerySet[Event]:
    """The oldest first; still with those of cameras that the rule does not concern."""
    kinds = [kind for kind in WATCHED_EVENTS if matches(rule.subject.partition(":")[0], kind)]
    return events_for(user).filter(kind__in=kinds, at__gte=begin, at__lt=end).order_by("at", "id")


def event_openings(rule: AlertRule, events: QuerySet[Event], end: datetime) -> Iterator[Opening]:
    """Of each kind and camera, as in `event_rules`."""
    subjects: dict[str, _Subject] = defaultdict(lambda: _Subject(rule))
    for event in events.only("kind", "camera", "at", "data").iterator(EVENTS_AT_ONCE):
        if meets(rule, event):
            subject = subject_of(event)
            yield from subjects[subject].replay_event(subject, event)
    for subject, one in subjects.items():
        yield from one.end(subject, end)


class _Subject:
    def __init__(self, rule: AlertRule) -> None:
        self._needed = int(rule.threshold)
        self._within, self._quiet = timedelta(seconds=rule.for_s), timedelta(seconds=rule.clear_for_s)
        self._times: deque[datetime] = deque(maxlen=min(self._needed, MAX_TIMES))
        self._opened: datetime | None = None
        self._last_met: datetime | None = None

    def replay_event(self, subject: str, event: Event) -> Iterator[Opening]:
        yield from self._closed(subject, event.at)
        self._times.append(event.at)
        is_met = len(self._times) == self._needed and (self._needed == 1 or event.at - self._times[0] < self._within)
        if is_met:
            self._opened, self._last_met = self._opened or event.at, event.at

    def end(self, subject: str, now: datetime) -> Iterator[Opening]:
        yield from self._closed(subject, now)
        if self._opened is not None:
            yield Opening(subject, self._opened)

    def _closed(self, subject: str, at: datetime) -> Iterator[Opening]:
        """The opening that was over before `at`, if there was one."""
        if self._opened is None or self._last_met is None or at - self._last_met < self._quiet:
            return
        yield Opening(subject, self._opened, self._last_met + self._quiet)
        self._opened = self._last_met = None


MAX_OPENINGS = 100
"""Openings that a preview lists; all are counted."""
MAX_READINGS = 500_000
"""Readings that a preview reads one by one. With more of them it reads minutes."""
GAP_S = 300.0
"""Without a reading for so long, no one measured: a value before the gap does not last over it."""
MINUTE_S = 60
CHUNK = 10_000
Resolution = Literal["readings", "minutes", "events"]
MAX_EVENTS = 200_000
"""Events that a preview reads."""
previews = WaitLimiter("previews of alert rules", most=2, most_per_user=2)
NOT_STORED = "The values that this rule watches are not stored: what it would have done is not known."
TOO_MANY = (
    "Too much is stored of what this rule watches: what it would have done is not known. Choose a narrower subject or "
    "fewer days."
)


@dataclass(frozen=True, slots=True)
class Preview:
    """`number` is None if nothing is stored of what the rule watches. `open_s` is the time with an open alert, summed
    over the subjects. `openings` are the first ones."""

    sentence: str
    number: int | None = None
    open_s: float | None = None
    resolution: Resolution | None = None
    stored_since: datetime | None = None
    unit: str = ""
    openings: list[Opening] = field(default_factory=list)


def preview_rule(row: AlertRule, user: Any, actor: str, days: int = 7) -> Preview:
    """What the rule would have done in the last days, as `user` may see it. Maintenance windows are left out.
    TooManyWaiting."""
    with previews.slot(actor):
        end = timezone.now()
        begin = end - timedelta(days=days)
        if row.kind == "event":
            events = watched_events(row, user, begin, end)
            if has_more_than(MAX_EVENTS, [events]):
                return Preview(TOO_MANY)
            found = sorted(event_openings(row, events, end), key=lambda one: one.begin)
            return counted(found, "events", days, begin, end)
        sources = {"reading": of_values, "reading_rate": of_rates, "sensor_missing": of_absence}
        rule = rule_of(row)
        signal = rule.rule_kind.signal
        if signal == EVENTS or signal not in sources:
            return Preview(NOT_STORED)
        return preview_readings(rule, sources[signal], begin, end, days)


def preview_readings(rule: Rule, source: Any, begin: datetime, end: datetime, days: int) -> Preview:
    known = channels_by_subject(SensorChannel.objects.filter(sensor__removed_at=None))
    channels = {subject: channel for subject, channel in known.items() if rule.concerns(subject)}
    if not channels:
        return Preview(f"No sensor has readings of {rule.subject}: what the rule would have done is not known.")
    begin_ms, end_ms = ms(begin), ms(end)
    fine = is_fine_enough(channels.values(), begin_ms, end_ms)
    if not fine and has_too_many_minutes(channels.values(), begin_ms, end_ms):
        return Preview(TOO_MANY)
    resolution: Resolution = "readings" if fine else "minutes"
    openings: list[Opening] = []
    since_ms: int | None = None
    for subject, channel in channels.items():
        rows = Rows(channel, begin_ms, end_ms, fine=fine, minute_value=minute_value(rule))
        openings += replay(rule, subject, source(rows), end.timestamp())
        if rows.first_ms is not None:
            since_ms = rows.first_ms if since_ms is None else min(since_ms, rows.first_ms)
        if rows.has_minutes:
            resolution = "minutes"
    if since_ms is None:
        return Preview(f"No readings of {rule.subject} are stored: what the rule would have done is not known.")
    since = datetime.fromtimestamp(since_ms / 1000, UTC)
    units = () if source is of_absence else (channel.unit.unit for channel in channels.values())
    unit = unit_of(units, rule.rule_kind)
    return counted(sorted(openings, key=lambda one: one.begin), resolution, days, since, end, unit)


def minute_value(rule: Rule) -> str:
    """The column of a minute's aggregate that the rule would meet first. A rate is one of means."""
    if rule.rule_kind.signal == "reading_rate":
        return "mean"
    return "minimum" if rule.rule_kind.comparison == "below" else "maximum"


def counted(
    openings: list[Opening], resolution: Resolution, days: int, since: datetime, end: datetime, unit: str = ""
) -> Preview:
    open_s = sum(((one.end or end) - one.begin).total_seconds() for one in openings)
    number = len(openings)
    times = "once" if number == 1 else f"{number} times"
    within = "day" if days == 1 else f"{days} days"
    sentence = (
        f"Would have fired {times} in the last {within}, for {duration_text(open_s)} in all."
        if number
        else f"Would not have fired in the last {within}."
    )
    if since > end - timedelta(days=days) + timedelta(hours=1):
        sentence += f" Readings are stored since {reader_time_text(since)}."
    if resolution == "minutes":
        sentence += " Partly from values of minutes: a short peak counts as a minute."
    return Preview(sentence, number, open_s, resolution, since, unit, openings[:MAX_OPENINGS])


def is_fine_enough(channels: Iterable[SensorChannel], begin_ms: int, end_ms: int) -> bool:
    """Whether the readings are few enough to be read one by one."""
    readings = Reading.objects.filter(at_ms__gte=begin_ms, at_ms__lt=end_ms)
    return not has_more_than(MAX_READINGS, (readings.filter(channel=one) for one in channels))


def has_too_many_minutes(channels: Iterable[SensorChannel], begin_ms: int, end_ms: int) -> bool:
    minutes = ReadingAggregate.objects.filter(
        seconds=MINUTE_S, start_s__gte=begin_ms // 1000, start_s__lt=end_ms // 1000
    )
    return has_more_than(MAX_READINGS, (minutes.filter(channel=one) for one in channels))


def has_more_than(limit: int, querysets: Iterable[QuerySet[Any]]) -> bool:
    """Counting ends at the limit."""
    counted = 0
    for rows in querysets:
        counted += rows.values("pk")[: limit + 1 - counted].count()
        if counted > limit:
            return True
    return False


@dataclass(slots=True)
class Rows:
    """The stored readings of a channel in their order: minutes while there are no single ones, or all as minutes if
    not `fine`. Iterated once."""

    channel: SensorChannel
    begin_ms: int
    end_ms: int
    fine: bool
    minute_value: str
    """The column that stands for a minute."""
    first_ms: int | None = None
    has_minutes: bool = False

    def __iter__(self) -> Iterator[tuple[int, float | None, int]]:
        """Time in ms, value and quality."""
        raw_from_ms = self._first_reading_ms() if self.fine else None
        yield from self._minutes(self.end_ms if raw_from_ms is None else raw_from_ms)
        if raw_from_ms is not None:
            yield from self._note_first(self._readings(raw_from_ms))

    def _first_reading_ms(self) -> int | None:
        found = Reading.objects.filter(channel=self.channel, at_ms__gte=self.begin_ms, at_ms__lt=self.end_ms)
        return found.order_by("at_ms").values_list("at_ms", flat=True).first()

    def _readings(self, from_ms: int) -> Iterable[tuple[int, float | None, int]]:
        found = Reading.objects.filter(channel=self.channel, at_ms__gte=from_ms, at_ms__lt=self.end_ms)
        return found.order_by("at_ms").values_list("at_ms", "value", "quality").iterator(CHUNK)

    def _minutes(self, before_ms: int) -> Iterator[tuple[int, float | None, int]]:
        found = ReadingAggregate.objects.filter(
            channel=self.channel, seconds=MINUTE_S, start_s__gte=self.begin_ms // 1000,
            start_s__lt=before_ms // 1000 - MINUTE_S + 1,
        )  # fmt: skip
        for start_s, value, missing, count in (
            found.order_by("start_s").values_list("start_s", self.minute_value, "missing", "count").iterator(CHUNK)
        ):
            self.has_minutes = True
            quality = ReadingQuality.MISSING if missing and not count else ReadingQuality.OK
            if value is not None or quality == ReadingQuality.MISSING:
                yield from self._note_first([(start_s * 1000, value, quality)])

    def _note_first(self, rows: Iterable[tuple[int, float | None, int]]) -> Iterator[tuple[int, float | None, int]]:
        for row in rows:
            if self.first_ms is None:
                self.first_ms = row[0]
            yield row


def of_values(rows: Rows) -> Iterator[Sample]:
    """A stale or implausible reading leaves the value as it is, as in the signal."""
    value: float | None = None
    last_ms = 0
    for at_ms, read, quality in rows:
        if quality == ReadingQuality.OK:
            value = read
        elif quality == ReadingQuality.MISSING:
            value = None
        yield Sample(at_ms / 1000, value, at_ms - last_ms > GAP_S * 1000)
        last_ms = at_ms


def of_rates(rows: Rows) -> Iterator[Sample]:
    history, last_ms = new_history(), 0
    for at_ms, read, quality in rows:
        after_gap = at_ms - last_ms > GAP_S * 1000
        if quality == ReadingQuality.MISSING or after_gap:
            history.clear()
        if quality == ReadingQuality.OK and read is not None:
            add_to_history(history, at_ms, read)
        yield Sample(at_ms / 1000, rate_in_hour(history), after_gap)
        last_ms = at_ms


def of_absence(rows: Rows) -> Iterator[Sample]:
    """1 from the row that says that the channel is missing until its next reading."""
    for at_ms, _, quality in rows:
        yield Sample(at_ms / 1000, float(quality == ReadingQuality.MISSING), after_gap=False)


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
