"""Alerts that Skycam opens without a rule, by the part of their key before the dot. No one can change them."""

from __future__ import annotations

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
