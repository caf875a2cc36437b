"""The rules of retention of each storage class, in words, with the keys that set them."""

from __future__ import annotations

from dataclasses import dataclass, field

from captures.pages.storage.labels import CLASS_LABELS
from captures.storage.retention.plan import ALLOWED_RULES, Why
from captures.storage.stored_files.classes import FileClass
from core.station_settings.values import camera_config, retention_config
from core.text.plurals import pluralize


@dataclass(frozen=True, slots=True)
class RuleText:
    """`key` is the key of the configuration that sets the limit."""

    why: Why
    sentence: str
    key: str


@dataclass(frozen=True, slots=True)
class ClassRules:
    label: str
    rules: list[RuleText] = field(default_factory=list)


def class_rules() -> list[ClassRules]:
    """The classes with rows. Only a rule that its class allows is listed."""
    return [
        ClassRules(CLASS_LABELS[name], [rule for rule in rules if rule.why in ALLOWED_RULES.get(name, ())])
        for name, rules in _texts().items()
    ]


def _texts() -> dict[FileClass, list[RuleText]]:
    recording, kept = camera_config(), retention_config()
    count = pluralize(recording.rolling_clips_count, "rolling clip")
    return {
        FileClass.ROLLING_CLIP: [
            RuleText(
                Why.COUNT, f"Each camera keeps its newest {count}, and the time that as many full-length clips cover.",
                "camera_config.rolling_clips_count",
            ),
            RuleText(Why.AGE, _age(kept.rolling_clip_days, "deleted"), "retention.rolling_clip_days"),
            RuleText(
                Why.SPACE,
                f"Below {recording.soft_floor_gb:g} GB of free space the oldest ones are deleted, one by one.",
                "camera_config.soft_floor_gb",
            ),
        ],
        FileClass.MANUAL_CLIP: [
            RuleText(Why.AGE, _age(kept.manual_clip_days, "deleted"), "retention.manual_clip_days")
        ],
        FileClass.CAPTURE: [
            RuleText(Why.AGE, _age(kept.capture_days, "moved to the trash"), "retention.capture_days"),
            RuleText(Why.OFFSITE, _offsite(kept.capture_offsite_days), "retention.capture_offsite_days"),
            RuleText(
                Why.TRASH, f"After {_days(kept.trash_days)} in the trash their files are deleted.",
                "retention.trash_days",
            ),
        ],
        FileClass.ARCHIVE: [
            RuleText(Why.OFFSITE, _offsite(kept.archive_offsite_days), "retention.archive_offsite_days")
        ],
    }  # fmt: skip


def _age(days: float, what: str) -> str:
    return f"Older than {_days(days)} they are {what}." if days else "No rule of age."


def _offsite(days: float) -> str:
    if not days:
        return "All stay here, also those with an off-site copy."
    return f"Older than {_days(days)}, only their verified copies at destinations with only_copy are kept."


def _days(days: float) -> str:
    return "1 day" if days == 1 else f"{days:g} days"
