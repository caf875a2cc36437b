"""What several pages of the storage show: storage classes, kinds of new files and the rules of each class in words,
and lists page by page, newest first, with the cursor of the API in the address."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest

from captures.roots.models import StorageClass
from captures.storage.file_classes import FileClass
from captures.storage.retention.plan import ALLOWED_RULES, Why
from core.api.paging import beyond
from core.api.queries import Cursor
from core.station_settings import camera_config, retention_config
from core.text.sentences import pluralize

CLASS_LABELS: dict[str, str] = {
    FileClass.ROLLING_CLIP: "Rolling clips",
    FileClass.MANUAL_CLIP: "Manual clips",
    FileClass.CAPTURE: "Captures",
    FileClass.ARCHIVE: "Archives",
    FileClass.PRODUCT: "Products",
    FileClass.THUMBNAIL: "Thumbnails",
    FileClass.SPOOL: "Spool",
    FileClass.LOG: "Logs",
}

NEW_FILES: dict[str, str] = {
    StorageClass.CAPTURES: "captures",
    StorageClass.CLIPS: "clips",
    StorageClass.ARCHIVES: "archives",
    StorageClass.PRODUCTS: "products",
}

WHY_LABELS: dict[str, str] = {
    Why.ASKED: "deleted by a person, not finished yet",
    Why.TRASH: "its time in the trash is over",
    Why.COUNT: "beyond the number of clips that its camera keeps",
    Why.AGE: "older than its class may become",
    Why.OFFSITE: "old enough to be kept at its off-site destination alone",
    Why.SPACE: "the disk has less free space than the soft floor",
}


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
        for name, rules in _rule_texts().items()
    ]


def _rule_texts() -> dict[FileClass, list[RuleText]]:
    recording, kept = camera_config(), retention_config()
    count = pluralize(recording.rolling_clips_count, "rolling clip")
    return {
        FileClass.ROLLING_CLIP: [
            RuleText(
                Why.COUNT, f"Each camera keeps its newest {count}, and the time that as many full-length clips cover.",
                "camera_config.rolling_clips_count",
            ),
            RuleText(Why.AGE, _age_text(kept.rolling_clip_days, "deleted"), "retention.rolling_clip_days"),
            RuleText(
                Why.SPACE,
                f"Below {recording.soft_floor_gb:g} GB of free space the oldest ones are deleted, one by one.",
                "camera_config.soft_floor_gb",
            ),
        ],
        FileClass.MANUAL_CLIP: [
            RuleText(Why.AGE, _age_text(kept.manual_clip_days, "deleted"), "retention.manual_clip_days")
        ],
        FileClass.CAPTURE: [
            RuleText(Why.AGE, _age_text(kept.capture_days, "moved to the trash"), "retention.capture_days"),
            RuleText(Why.OFFSITE, _offsite_text(kept.capture_offsite_days), "retention.capture_offsite_days"),
            RuleText(
                Why.TRASH, f"After {_days_text(kept.trash_days)} in the trash their files are deleted.",
                "retention.trash_days",
            ),
        ],
        FileClass.ARCHIVE: [
            RuleText(Why.OFFSITE, _offsite_text(kept.archive_offsite_days), "retention.archive_offsite_days")
        ],
    }  # fmt: skip


def _age_text(days: float, what: str) -> str:
    return f"Older than {_days_text(days)} they are {what}." if days else "No rule of age."


def _offsite_text(days: float) -> str:
    if not days:
        return "All stay here, also those with an off-site copy."
    return f"Older than {_days_text(days)}, only their verified copies at destinations with only_copy are kept."


def _days_text(days: float) -> str:
    return "1 day" if days == 1 else f"{days:g} days"


ROWS = 50
Row = TypeVar("Row", bound=Model)


def page_of(rows: QuerySet[Row], by: str, request: HttpRequest) -> tuple[list[Row], str]:
    """The rows of this page, and the address of the older ones without `?`; empty for the last page. Http404 for a bad
    cursor."""
    before = request.GET.get("before", "")
    try:
        cursor = Cursor.parse(before) if before else None
    except ValueError:
        raise Http404("There is no such page.") from None
    # One row more than the page shows whether there are older ones.
    found = list(beyond(rows, by, cursor).order_by(f"-{by}", "-id")[: ROWS + 1])
    if len(found) <= ROWS:
        return found, ""
    query = request.GET.copy()
    query["before"] = Cursor(getattr(found[ROWS - 1], by), found[ROWS - 1].pk, newer=False).text()
    return found[:ROWS], query.urlencode()
