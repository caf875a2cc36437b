"""The rows that a person chose in a list: by their ids, or all that a filter finds, as 200,000 rows travel as a
filter. And an action on them: what it would do (how many rows, how large, the first of them, and what it leaves out),
and how it is applied, in batches in the order of their ids. Each row is checked again at its turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR
from django.core import signing
from django.core.exceptions import ObjectDoesNotExist, SuspiciousOperation
from django.db.models import Q, QuerySet, Sum
from django.http import HttpRequest, QueryDict
from django.utils import timezone

from captures.files.verification import Stopped
from skycam_project.admin.actions.table import ITEM_ERRORS, Action, ItemRequest
from skycam_project.admin.change_list import KeysetChangeList

MAX_IDS = 1000
VALID_S = 86_400
SALT = "skycam.admin.selection"


class BadSelection(Exception):
    """The message says what to do."""


class FilterRequest(HttpRequest):
    """A list's address, with the person whose rows it finds. No client sent it."""

    def __init__(self, query: str, user: Any) -> None:
        super().__init__()
        self.method, self.user, self.GET = "GET", user, QueryDict(query)


class FilteredRows(KeysetChangeList):
    """The rows that a list's filters and search find, without a page of them."""

    def get_results(self, request: HttpRequest) -> None:
        self.result_list = []


@dataclass(frozen=True, slots=True)
class Selection:
    """`ids`, or `query`, the address of a filtered list, with the rows up to the id `newest` that were in it at the
    time `until`: those that are added later do not belong to it. An id may be older than its row: a clip gets it when
    it begins. `since`: the time of the oldest row. A search looks at a number of rows, which older ones would join when
    some of them are deleted."""

    model: str
    ids: list[str] = field(default_factory=list)
    query: str = ""
    newest: str = ""
    until: str = ""
    since: str = ""

    @classmethod
    def of_form(cls, model_admin: ModelAdmin[Any], request: HttpRequest) -> Selection:
        """What the form of a list chose. BadSelection."""
        model = model_admin.opts.label_lower
        if request.POST.get("across") == "yes":
            query = request.GET.copy()
            query.pop(PAGE_VAR, None)
            found = cls(model, query=query.urlencode(), until=timezone.now().isoformat())
            rows = found.rows(model_admin, request.user)
            time = cast("Any", model_admin).cursor_field
            newest = rows.order_by("-pk").values_list("pk", flat=True).first()
            oldest = rows.order_by(time).values_list(time, flat=True).first() if time else None
            if newest is None:
                raise BadSelection("No rows match this filter.")
            return replace(found, newest=str(newest), since=oldest.isoformat() if oldest else "")
        ids = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if not ids:
            raise BadSelection("Choose rows of the list first, or all that match the filter.")
        if len(ids) > MAX_IDS:
            raise BadSelection(f"At most {MAX_IDS:,} rows can be chosen one by one. Choose all that match a filter.")
        try:
            return cls(model, ids=[str(UUID(one)) for one in ids])
        except ValueError:
            raise BadSelection("A chosen row has no valid id. Load the list again.") from None

    def rows(self, model_admin: ModelAdmin[Any], user: Any) -> QuerySet[Any]:
        """In the order of the list. BadSelection."""
        request = FilterRequest(self.query, user)
        if not self.ids:
            rows = filtered_rows(model_admin, request).filter(self._was_there(model_admin))
            return rows.filter(pk__lte=UUID(self.newest)) if self.newest else rows
        return model_admin.get_queryset(request).filter(pk__in=self.ids)

    def _was_there(self, model_admin: ModelAdmin[Any]) -> Q:
        """The condition of rows that were in the list at the time of the selection."""
        found, options = Q(), cast("Any", model_admin)
        if self.since:
            found &= Q(**{f"{options.cursor_field}__gte": datetime.fromisoformat(self.since)})
        for name in options.arrival_fields if self.until else ():
            found &= Q(**{f"{name}__lte": datetime.fromisoformat(self.until)}) | Q(**{name: None})
        return found

    def text(self, actor: str) -> str:
        """Signed, for the form that confirms the action."""
        return signing.dumps({"actor": actor, **asdict(self)}, salt=SALT, compress=True)

    @classmethod
    def of_text(cls, text: str, model: str, actor: str) -> Selection:
        """BadSelection for one that this station did not sign for this person and this list."""
        try:
            found = signing.loads(text, salt=SALT, max_age=VALID_S)
        except signing.BadSignature:
            raise BadSelection("This confirmation is not valid any more. Choose the rows again.") from None
        if found.pop("actor") != actor or found["model"] != model:
            raise BadSelection("This confirmation belongs to someone else or to another list. Choose the rows again.")
        return cls(**found)


def filtered_rows(model_admin: ModelAdmin[Any], request: FilterRequest) -> QuerySet[Any]:
    """BadSelection for an address that the list refuses."""
    if any("\0" in value for _, values in request.GET.lists() for value in values):
        raise BadSelection("The filter contains a character that no search can have.")
    columns = model_admin.get_list_display(request)
    try:
        found = FilteredRows(
            request, model_admin.model, columns, columns[:1], model_admin.get_list_filter(request), None,
            model_admin.get_search_fields(request), model_admin.get_list_select_related(request),
            model_admin.list_per_page, 0, (), model_admin, (), "",
        )  # fmt: skip
    except (IncorrectLookupParameters, SuspiciousOperation):
        raise BadSelection("This filter does not exist.") from None
    rows: QuerySet[Any] = found.queryset
    return rows


FIRST = 20


@dataclass(frozen=True, slots=True)
class Plan:
    """`skipped`: why -> number of rows. `hosts`: where the work is done; empty: here."""

    count: int
    bytes: int | None
    first: list[Any]
    skipped: dict[str, int]
    hosts: list[str]

    @property
    def more_text(self) -> str:
        """How many follow the first ones; empty for none."""
        more = self.count - len(self.first)
        return f"{more:,}" if more else ""

    @property
    def left_out(self) -> list[str]:
        return [f"{number:,} left out: they {why}." for why, number in self.skipped.items()]


def make_plan(action: Action, rows: QuerySet[Any]) -> Plan:
    left, skipped = rows, {}
    for skip in action.skips:
        if number := left.filter(skip.condition()).order_by().count():
            skipped[skip.why] = number
        left = left.exclude(skip.condition())
    plain = left.order_by()
    size = plain.aggregate(bytes=Sum(action.bytes))["bytes"] if action.bytes else None
    hosts = action.places.hosts(plain) if action.places else []
    return Plan(plain.count(), size, list(left[:FIRST]), skipped, hosts)


def is_left_out(action: Action) -> Q:
    """The rows that the action leaves out, for the check of each row just before its change."""
    found = Q(pk__in=[])
    for skip in action.skips:
        found |= skip.condition()
    return found


BATCH = 200
MAX_LISTED = 1000
"""Rows with an error that a result lists. All are counted."""


@dataclass(slots=True)
class Outcome:
    """The result so far. `skipped`: rows that another person changed, or that are gone, since they were planned."""

    done: int = 0
    skipped: int = 0
    failed: int = 0
    problems: list[str] = field(default_factory=list)
    results: list[dict[str, str]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in Outcome.__slots__}

    def add_error(self, row: Any, error: Exception) -> None:
        self.failed += 1
        if len(self.results) < MAX_LISTED:
            self.results.append({"id": str(row.pk), "name": str(row), "message": str(error)})
        number = "1 row has" if self.failed == 1 else f"{self.failed:,} rows have"
        self.problems = [f"{number} an error. The first: {self.results[0]['name']}: {self.results[0]['message']}"]


class ActionRun:
    """One pass over the rows that were chosen."""

    def __init__(self, action: Action, rows: QuerySet[Any], request: ItemRequest, outcome: Outcome) -> None:
        self._action, self._rows, self._request, self.outcome = action, rows.order_by("pk"), request, outcome

    def run(self, after: str = "") -> Iterator[str]:
        """The id of each row when it is done, behind the id `after`. It ends early when it is to stop."""
        while batch := list((self._rows.filter(pk__gt=UUID(after)) if after else self._rows)[:BATCH]):
            # One query for the batch: what was left out in the plan is not reported again.
            left_out = set(self._find([row.pk for row in batch]).filter(is_left_out(self._action)).values_list("pk"))
            for row in batch:
                if self._request.should_stop():
                    return
                after = str(row.pk)
                if (row.pk,) in left_out:
                    continue
                if not self._apply(row):
                    return
                yield after

    def _apply(self, row: Any) -> bool:
        """False when it was stopped in the middle."""
        assert self._action.apply is not None
        # At its turn, and not with the batch: a row before it may have taken hours.
        present = self._find([row.pk]).exclude(is_left_out(self._action)).first()
        if present is None:
            self.outcome.skipped += 1
            return True
        try:
            self._action.apply(present, self._request)
        except Stopped:
            return False
        except ITEM_ERRORS as error:
            self.outcome.add_error(present, error)
        except ObjectDoesNotExist:
            # Another began to delete it since the look above.
            self.outcome.skipped += 1
        else:
            self.outcome.done += 1
        return True

    def _find(self, keys: list[Any]) -> QuerySet[Any]:
        return self._rows.filter(pk__in=keys)
