"""RULE_KINDS: what a rule can watch. DEFAULT_RULES: what a new station watches. BUILT_IN_ALERTS: what is opened
without a rule. Django-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

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
    "host": "a host's name is taken by another machine",
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
