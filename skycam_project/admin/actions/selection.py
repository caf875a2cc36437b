"""The rows that a person chose in a list: by their ids, or all that a filter finds. 200,000 rows travel as a filter."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR
from django.core import signing
from django.core.exceptions import SuspiciousOperation
from django.db.models import Q, QuerySet
from django.http import HttpRequest, QueryDict
from django.utils import timezone

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
