"""When a rule on events would have been open, from the stored events."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from core.events.models import Event
from core.events.selectors import events_for
from monitoring.alert_rules.event_rules import meets, subject_of
from monitoring.alert_rules.replay import Opening
from monitoring.alert_rules.rule import matches
from monitoring.alert_rules.validation import WATCHED_EVENTS
from monitoring.models import AlertRule

CHUNK = 2000
MAX_TIMES = 10_000


def watched_events(rule: AlertRule, user: Any, begin: datetime, end: datetime) -> QuerySet[Event]:
    """The oldest first; still with those of cameras that the rule does not concern."""
    kinds = [kind for kind in WATCHED_EVENTS if matches(rule.subject.partition(":")[0], kind)]
    return events_for(user).filter(kind__in=kinds, at__gte=begin, at__lt=end).order_by("at", "id")


def event_openings(rule: AlertRule, events: QuerySet[Event], end: datetime) -> Iterator[Opening]:
    """Of each kind and camera, as in `event_rules`."""
    subjects: dict[str, _Subject] = defaultdict(lambda: _Subject(rule))
    for event in events.only("kind", "camera", "at", "data").iterator(CHUNK):
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
