"""RULE_KINDS: what a rule can watch. DEFAULT_RULES: what a new station watches. BUILT_IN_ALERTS: what is opened
without a rule. A rule, when its alert opens and closes, and the sentence of that alert. Pure and Django-free: times
are arguments, in seconds of one monotonic clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import translate
from functools import lru_cache
from math import isfinite
from typing import Any, Literal, NamedTuple

from core.camera_names import CameraName
from core.text.sentences import Sentence, join_sentences, sentence

Comparison = Literal["above", "below"]
ABOVE = "{subject} is {value}, above {threshold}{lasted}."
BELOW = "{subject} is {value}, below {threshold}{lasted}."
EVENTS = "events"
"""The signal of rules on events: they are evaluated when the event is recorded."""


@dataclass(frozen=True, slots=True)
class RuleKind:
    """`signal` is the signal whose value is compared with the threshold, by the word of `comparison`. `subject` says
    what the subjects of the signal are, for the forms.

    Of the kind `event`, the threshold is the number of events within `for_s` that open the alert.

    `fixed` is the threshold of a kind that has no other: its signal is 0 or 1. `sentence` gets `subject`, `value`,
    `threshold` (with unit), `lasted`, and the `detail` of the signal.
    """

    label: str
    signal: str
    comparison: Comparison
    subject: str
    unit: str
    sentence: str
    fixed: float | None = None


RULE_KINDS: dict[str, RuleKind] = {
    "reading_above": RuleKind(
        "Reading above a value", "reading", "above", "sensor:channel", "", ABOVE
    ),
    "reading_below": RuleKind(
        "Reading below a value", "reading", "below", "sensor:channel", "", BELOW
    ),
    "reading_rises": RuleKind(
        "Reading rises fast", "reading_rate", "above", "sensor:channel", "an hour",
        "{subject} rises by {value}, more than {threshold}{lasted}.",
    ),
    "reading_falls": RuleKind(
        "Reading falls fast", "reading_rate", "below", "sensor:channel", "an hour",
        "{subject} changes by {value}, less than {threshold}{lasted}.",
    ),
    "sensor_missing": RuleKind(
        "Sensor missing", "sensor_missing", "above", "sensor or sensor:channel", "",
        "{subject} gives no values{lasted}. {detail}", fixed=0.5,
    ),
    "sensor_implausible": RuleKind(
        "Sensor implausible", "sensor_implausible", "above", "sensor:channel", "",
        "The values of {subject} are implausible{lasted}. Check the device and its limits.", fixed=0.5,
    ),
    "no_frame": RuleKind(
        "No frame of a recording for", "frame_age", "above", "camera", "s",
        "{subject} has given no frame for {value} (limit {threshold}).",
    ),
    "gate_closed": RuleKind(
        "Session waits for a gate", "session_waits", "above", "camera", "",
        "The session of {subject} takes no captures{lasted}. {detail}", fixed=0.5,
    ),
    "frames_below": RuleKind(
        "Frames of a recording below", "frame_delivery", "below", "camera", "%",
        "{subject} has delivered {value} of the frames of its set rate in the last minute (limit {threshold}). "
        "{detail}",
    ),
    "disk_below": RuleKind(
        "Free space below", "disk_free", "below", "storage root or folder", "%",
        "{subject} has {value} free space, below {threshold}{lasted}. Delete files or add a disk: skycam storage.",
    ),
    "clock_unsynchronised": RuleKind(
        "Clock not synchronised", "clock_unsynchronised", "above", "host", "",
        "The clock of {subject} is not synchronised{lasted}. Start chrony or systemd-timesyncd on it.", fixed=0.5,
    ),
    "clock_offset": RuleKind(
        "Clock off", "clock_offset", "above", "host", "s",
        "The clock of {subject} is off by {value}, more than {threshold}{lasted}.",
    ),
    "host_silent": RuleKind(
        "Host silent", "host_silent", "above", "host", "s",
        "The host {subject} has sent no heartbeat for {value} (limit {threshold}). Check the machine and its network.",
    ),
    "part_restarts": RuleKind(
        "Part restarts", "part_restarts", "above", "host:part", "in an hour",
        "{subject} was restarted {value}, more than {threshold}. skycam logs says why.",
    ),
    "backlog_above": RuleKind(
        "Backlog above", "backlog", "above", "host:queue", "",
        "{value} wait in {subject}, more than {threshold}{lasted}.",
    ),
    "aggregates_late": RuleKind(
        "Aggregates of readings late", "aggregation_lag", "above", "station", "s",
        "Minutes, hours and days of the readings are {value} late (limit {threshold}), so charts of long ranges end "
        "early. See whether the part jobs works: skycam ps, skycam logs jobs.",
    ),
    "metric_above": RuleKind(
        "Metric above a value", "metric", "above", "metric{label=value}", "", ABOVE
    ),
    "metric_below": RuleKind(
        "Metric below a value", "metric", "below", "metric{label=value}", "", BELOW
    ),
    "event": RuleKind(
        "Event", EVENTS, "above", "kind, or kind:camera", "", "{subject}: {value} within {lasted}.",
    ),
}  # fmt: skip
"""Kind -> what it watches."""


DEFAULT_RULES: tuple[dict[str, Any], ...] = (
    {"name": "sensor-missing", "kind": "sensor_missing", "threshold": 0.5, "clear_for_s": 10, "severity": "error"},
    {"name": "sensor-implausible", "kind": "sensor_implausible", "threshold": 0.5, "for_s": 300, "clear_for_s": 60},
    {"name": "no-frame", "kind": "no_frame", "threshold": 30, "clear_for_s": 5, "severity": "error"},
    {"name": "gate-closed", "kind": "gate_closed", "threshold": 0.5},
    {"name": "frames-missing", "kind": "frames_below", "threshold": 90, "clear": 95, "clear_for_s": 60},
    {"name": "disk-low", "kind": "disk_below", "threshold": 10, "clear": 12, "for_s": 60},
    {"name": "disk-nearly-full", "kind": "disk_below", "threshold": 3, "clear": 4, "for_s": 10, "severity": "critical"},
    {"name": "clock-unsynchronised", "kind": "clock_unsynchronised", "threshold": 0.5, "for_s": 900, "clear_for_s": 60},
    {"name": "clock-off", "kind": "clock_offset", "threshold": 0.5, "clear": 0.2, "for_s": 60, "severity": "error"},
    {"name": "host-silent", "kind": "host_silent", "threshold": 15, "severity": "critical"},
    {"name": "part-restarts", "kind": "part_restarts", "threshold": 5, "clear": 2, "severity": "error"},
    {"name": "webhooks-waiting", "kind": "backlog_above", "subject": "station:webhooks", "threshold": 1000,
     "clear": 100, "for_s": 600},
    {"name": "offsite-waiting", "kind": "backlog_above", "subject": "station:offsite", "threshold": 10_000,
     "clear": 1000, "for_s": 86_400},
    {"name": "readings-behind", "kind": "aggregates_late", "threshold": 1800, "clear": 300, "for_s": 600},
    {"name": "session-gap", "kind": "event", "subject": "session.gap", "threshold": 1, "clear_for_s": 3600},
)  # fmt: skip
"""Columns of AlertRule; the others have the defaults of the model. Archives, lost frames, quarantined cameras and full
disks have alerts of their own: docs/clients/contracts.md."""


BUILT_IN_ALERTS: dict[str, str] = {
    "archive": "a file of an archive is missing or damaged, or an archive cannot be completed",
    "backup": "no backup was made, or its off-site copy failed",
    "camera": "a camera is in quarantine, not reachable, or its clock is off",
    "capture": "the records of a capture contradict each other",
    "experiment": "an experiment cannot do what it should",
    "gate": "a gate cannot be decided",
    "health": "a check of the station fails: database, broker, hosts, cameras, disks",
    "host": "a host's name is taken by another machine, or its periodic work is late",
    "metrics": "the metrics of a host cannot be served, or its counters not stored",
    "night": "the report of a night cannot be written",
    "notification": "a notification channel fails",
    "offsite": "off-site copies fail or wait",
    "part": "a part of the station is in a crash loop",
    "recording": "a recording fails or loses frames",
    "schedule": "a schedule cannot be planned",
    "session": "a session stalls or cannot go on",
    "spool": "a file in the spool needs a decision",
    "storage": "a disk is full, missing, failing or not to be trusted",
    "supervisor": "the supervision of a camera fails",
    "telescope": "the night of a field list cannot be started, or was missed",
    "webhook": "a web-hook fails or its receiver is gone",
}
"""docs/clients/contracts.md has each key."""


class Phase(StrEnum):
    INACTIVE = "inactive"
    PENDING = "pending"
    """The value is beyond the threshold, but not yet for long enough."""
    FIRING = "firing"
    CLEARING = "clearing"
    """Firing; the value is clear, but not yet for long enough."""


class Judgement(StrEnum):
    BEYOND = "beyond"
    BETWEEN = "between"
    """Neither beyond the threshold nor clear."""
    CLEAR = "clear"
    UNKNOWN = "unknown"


MOVES: dict[tuple[Phase, Judgement], Phase] = {
    (Phase.INACTIVE, Judgement.BEYOND): Phase.PENDING,
    (Phase.PENDING, Judgement.BETWEEN): Phase.INACTIVE,
    (Phase.PENDING, Judgement.CLEAR): Phase.INACTIVE,
    (Phase.FIRING, Judgement.CLEAR): Phase.CLEARING,
    (Phase.CLEARING, Judgement.BEYOND): Phase.FIRING,
    (Phase.CLEARING, Judgement.BETWEEN): Phase.FIRING,
}
"""What is missing leaves the phase as it is: an unknown value neither opens nor closes an alert."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`clear` is the value that closes the alert again (hysteresis); the threshold if None."""

    name: str
    kind: str
    subject: str
    """Which subjects it concerns: `*` and `?` are wildcards."""
    threshold: float
    clear: float | None = None
    for_s: float = 0.0
    clear_for_s: float = 0.0
    severity: str = "warning"
    label: str = ""

    @property
    def rule_kind(self) -> RuleKind:
        return RULE_KINDS[self.kind]

    def concerns(self, subject: str) -> bool:
        return concerns(self.subject, subject)


def concerns(pattern: str, subject: str) -> bool:
    """`*` and `?` are wildcards. A pattern also concerns all that a subject has after it and a colon: `balcony` is
    `balcony:*`, and `balcony:probe` is both its temperature and its humidity."""
    return matches(pattern, subject) or matches(f"{pattern}:*", subject)


def matches(pattern: str, text: str) -> bool:
    """Only `*` and `?` are wildcards: a folder may have brackets in its name."""
    if "*" not in pattern and "?" not in pattern:
        return text == pattern
    return _compiled(pattern).match(text) is not None


# Larger than the number of rules and windows: `fnmatchcase` keeps 256, and would compile each of 1,000 rules again for
# each subject.
@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern.replace("[", "[[]")))


class Signal(NamedTuple):
    """What a host knows of one subject now. `value` is None while it is unknown."""

    name: str
    subject: str
    value: float | None
    unit: str = ""
    camera: tuple[str, str] | None = None
    """UUID and slug, if the subject is a camera or a part of one. The UUID is empty if it is not known."""
    is_at_least: bool = False
    """The value may be greater: what was before the start of this process is not known to it."""
    detail: str = ""
    """Sentences about the cause and what to do, for the kinds whose sentence has them."""


# A tuple, because a frozen dataclass takes three times as long to make: many may change at once.
class RuleState(NamedTuple):
    phase: Phase = Phase.INACTIVE
    since: float = 0.0
    """When the phase began; of CLEARING, when the value became clear."""
    beyond_since: float = 0.0
    """When the value went beyond the threshold, for the sentence."""

    @property
    def is_open(self) -> bool:
        return self.phase is Phase.FIRING or self.phase is Phase.CLEARING


def judge(rule: Rule, value: float | None) -> Judgement:
    if value is None or not isfinite(value):
        return Judgement.UNKNOWN
    clear = rule.threshold if rule.clear is None else rule.clear
    # Mirrored, `below` is `above`.
    sign = 1.0 if rule.rule_kind.comparison == "above" else -1.0
    if sign * value > sign * rule.threshold:
        return Judgement.BEYOND
    return Judgement.CLEAR if sign * value <= sign * clear else Judgement.BETWEEN


def evaluate(rule: Rule, state: RuleState, value: float | None, now: float) -> RuleState:
    """The state after this value."""
    judgement = judge(rule, value)
    phase = MOVES.get((state.phase, judgement), state.phase)
    if phase != state.phase:
        begins = phase == Phase.PENDING
        state = RuleState(phase, now, now if begins else state.beyond_since)
    # A value that is not known now has not lasted.
    if phase == Phase.PENDING and judgement == Judgement.BEYOND and now - state.since >= rule.for_s:
        return RuleState(Phase.FIRING, now, state.beyond_since)
    if phase == Phase.CLEARING and judgement == Judgement.CLEAR and now - state.since >= rule.clear_for_s:
        return RuleState(Phase.INACTIVE, now)
    return state


MINUTE_S, HOUR_S = 60, 3600


def alert_sentence(rule: Rule, signal: Signal, lasted_s: float) -> Sentence:
    kind = rule.rule_kind
    unit = signal.unit or kind.unit
    value, threshold = with_unit(signal.value, unit), with_unit(rule.threshold, unit)
    if value == threshold and signal.value is not None:
        # "30 °C, above 30 °C" would say nothing.
        value, threshold = f"{signal.value:.15g} {unit}".strip(), f"{rule.threshold:.15g} {unit}".strip()
    camera = CameraName(*signal.camera) if signal.camera else None
    found = sentence(
        kind.sentence,
        # The subject of a metric has labels, too.
        subject=camera if camera and camera.slug == signal.subject else signal.subject,
        value=value,
        threshold=threshold,
        lasted=f" for {duration_text(lasted_s)}" if lasted_s >= 1 else "",
        detail=signal.detail,
    )
    return join_sentences([rule.label, found], ": ")


def condition_text(rule: Rule, unit: str) -> str:
    """When the alert opens and closes, for lists: `above 0.5 s for 1 min, closes at 0.2 s`."""
    kind = rule.rule_kind
    if kind.signal == EVENTS:
        within = f" within {duration_text(rule.for_s)}" if rule.threshold > 1 else ""
        return f"{with_unit(rule.threshold, 'events')}{within}" if within else "an event"
    found = f"{kind.comparison} {with_unit(rule.threshold, unit)}" if kind.fixed is None else "while it is so"
    if rule.for_s:
        found += f" for {duration_text(rule.for_s)}"
    return found if rule.clear is None else f"{found}, closes at {with_unit(rule.clear, unit)}"


def with_unit(value: float | None, unit: str) -> str:
    if value is None:
        return "unknown"
    # No exponent for what people count, and no more digits than a sensor has.
    digits = 4 if abs(value) < 1000 else 6
    is_whole = float(value).is_integer() or abs(value) >= 1e6
    # Adding 0 makes -0 a 0.
    number = f"{value + 0.0:.0f}" if abs(value) < 1e15 and is_whole else f"{value:.{digits}g}"
    return f"{number} {unit}".strip()


def duration_text(seconds: float) -> str:
    if seconds < 2 * MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < 2 * HOUR_S:
        return f"{seconds / MINUTE_S:.0f} min"
    return f"{seconds / HOUR_S:.1f} h"
