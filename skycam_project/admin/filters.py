"""Filters of the admin's lists. Each accepts only its own choices: what an address cannot say, no query can do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import F, Model, Q, QuerySet
from django.db.models.expressions import BaseExpression
from django.db.models.lookups import GreaterThanOrEqual, LessThan
from django.http import HttpRequest

from cameras.models import Camera
from captures.days import FIRST, LAST, Day
from core.events.selectors import unresolved_keys

MB = 1_000_000
Condition = Callable[[], Q]


class ChoiceFilter(SimpleListFilter):
    """A literal table of choices. `options`: value -> label and condition."""

    options: ClassVar[dict[str, tuple[str, Condition]]] = {}

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Iterable[tuple[str, str]]:
        return [(value, label) for value, (label, _) in self.options.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.options.get(self.value() or "")
        return queryset.filter(chosen[1]()) if chosen else queryset


def choices(name: str, label: str, options: dict[str, tuple[str, Condition]]) -> type[ChoiceFilter]:
    """A filter with the parameter `name`, by a table: value -> label and condition."""
    return type(f"{name.title()}Filter", (ChoiceFilter,), {"title": label, "parameter_name": name, "options": options})


def values_of(field: str, values: Sequence[tuple[str, str]], label: str = "") -> type[ChoiceFilter]:
    """A filter for the values of a column."""
    options = {value: (text, _equals(field, value)) for value, text in values}
    return choices(field, label or field, options)


def yes_or_no(name: str, label: str, condition: Q) -> type[ChoiceFilter]:
    return choices(name, label, {"yes": ("Yes", lambda: condition), "no": ("No", lambda: ~condition)})


def _equals(field: str, value: str) -> Condition:
    return lambda: Q(**{field: value})


class CameraFilter(SimpleListFilter):
    """Removed cameras too: their files stay."""

    title, parameter_name = "camera", "camera"
    path: ClassVar[str] = "camera_id"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Iterable[tuple[str, str]]:
        found = Camera.objects.order_by("slug", "created_at").only("id", "slug", "removed_at")
        return [(str(one.pk), f"{one.slug} (removed)" if one.removed_at else one.slug) for one in found]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = dict(self.lookup_choices).get(self.value() or "")
        return queryset.filter(**{self.path: UUID(self.value())}) if chosen else queryset


class ExperimentCameraFilter(CameraFilter):
    path = "places__camera_id"


class NightFilter(SimpleListFilter):
    """Files of the night that began on the evening of a date, by the station's site."""

    title, parameter_name = "night (evening of)", "night"
    template = "admin/date_filter.html"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Iterable[tuple[str, str]]:
        return []

    def has_output(self) -> bool:
        return True

    @property
    def night(self) -> date | None:
        """None for text that is no date of the calendar."""
        try:
            found = date.fromisoformat(self.value() or "")
        except ValueError:
            return None
        return found if FIRST <= found <= LAST else None

    def choices(self, changelist: Any) -> Any:
        kept = {name: value for name, value in changelist.params.items() if name != self.parameter_name}
        yield {"kept": kept, "name": self.parameter_name, "value": self.night.isoformat() if self.night else ""}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.night is None:
            return queryset
        begin, end = Day(self.night, "night").range
        return queryset.filter(started_at__gte=begin, started_at__lt=end)


def sizes(of: BaseExpression | F) -> type[ChoiceFilter]:
    """Bands of bytes. `of`: the bytes of a row."""

    def band(low: int, high: int | None = None) -> Condition:
        below = Q(LessThan(of, high * MB)) if high else Q()
        return lambda: Q(GreaterThanOrEqual(of, low * MB)) & below

    return choices("size", "size", {
        "10mb": ("Below 10 MB", band(0, 10)),
        "100mb": ("10 to 100 MB", band(10, 100)),
        "1gb": ("100 MB to 1 GB", band(100, 1000)),
        "more": ("1 GB and more", band(1000)),
    })  # fmt: skip


def alerted(beginning: str, of_keys: Callable[[list[str]], Q]) -> Condition:
    """The rows for whose files an alert is open. Few are: each alert is one that a person has to deal with."""
    return lambda: of_keys([key.removeprefix(beginning) for key in unresolved_keys(beginning)])


def uuid_or_none(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def number_or_none(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def faults(of_keys: Callable[[list[str]], Q]) -> type[ChoiceFilter]:
    """Missing and corrupt files, as the last look at them found. `of_keys`: the condition of the rows of such files,
    from what the alerts call these; some are of another table."""
    return choices("fault", "file", {
        "missing": ("Missing", alerted("storage.missing:", of_keys)),
        "corrupt": ("Corrupt", alerted("storage.damaged:", of_keys)),
    })  # fmt: skip


def offsite(copies: Callable[[str], Q]) -> type[ChoiceFilter]:
    """By the state of off-site copies. `copies`: state -> the condition of rows with such a copy."""
    return choices("offsite", "off-site copy", {
        "verified": ("Verified", lambda: copies("verified")),
        "queued": ("Queued", lambda: copies("queued") | copies("sending")),
        "dead": ("Dead", lambda: copies("dead")),
        "none": ("Not verified", lambda: ~copies("verified")),
    })  # fmt: skip


def model_choices(model: type[Model], field: str) -> list[tuple[str, str]]:
    """Value and label of the choices of a column."""
    found: Any = model._meta.get_field(field)
    return [(str(value), str(value)) for value, _ in found.choices]
