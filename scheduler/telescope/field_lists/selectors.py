"""Field lists, which all users see, with what a user may see of their nights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet
from django.utils import timezone

from cameras.selectors import hidden_cameras
from scheduler.telescope.field_lists.models import Field, FieldList, NightlyStart
from scheduler.telescope.field_lists.nightly import problem_of


@dataclass(frozen=True, slots=True)
class ShownStart:
    """`is_shown`: whether the user may see the camera."""

    row: NightlyStart
    is_shown: bool

    @property
    def camera(self) -> str | None:
        return self.row.camera.slug if self.is_shown else None

    @property
    def rule(self) -> str:
        return str(self.row.options["rule"])

    @property
    def clears(self) -> bool:
        return bool(self.row.options["clears"])

    @property
    def add_file(self) -> str:
        return str(self.row.options["add_file"]) if self.is_shown else ""

    @property
    def problem(self) -> str:
        return problem_of(self.row, timezone.now()) if self.is_shown else ""


def lists_for(_user: Any) -> QuerySet[FieldList]:
    return FieldList.objects.defer("text", "added_text")


def list_for(_user: Any, key: UUID) -> FieldList:
    """FieldList.DoesNotExist."""
    return FieldList.objects.get(pk=key)


def with_nights(rows: Iterable[FieldList], user: Any) -> Iterable[FieldList]:
    """With the number of their fields, and what starts their nights."""
    found, hidden = list(rows), hidden_cameras(user)
    nightly = NightlyStart.objects.filter(field_list__in=found).select_related("camera")
    starts = {one.field_list_id: one for one in nightly}
    counted = Field.objects.filter(field_list__in=found).order_by().values_list("field_list").annotate(Count("pk"))
    sizes = dict(counted)
    for row in found:
        start = starts.get(row.pk)
        row.nightly = ShownStart(start, start.camera not in hidden) if start else None
        row.size = sizes.get(row.pk, 0)
    return found
