"""The query parameters of a list, and the cursor that leads from one page to the next. Django-free."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from core.api.model import StrictModel
from core.times.timestamps import Moment, in_utc

if TYPE_CHECKING:
    from django.http import QueryDict
    from rest_framework.request import Request


@dataclass(frozen=True, slots=True)
class Cursor:
    """The row after which a page begins, and its direction."""

    at: datetime
    id: UUID
    newer: bool

    def text(self) -> str:
        plain = f"{'n' if self.newer else 'o'}{self.at.isoformat()}|{self.id}"
        # Without the padding: `=` would have to be escaped in a URL.
        return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: object) -> Cursor:
        """ValueError for anything that `text` did not produce."""
        try:
            padded = str(text) + "=" * (-len(str(text)) % 4)
            # `validate`, because otherwise foreign characters are skipped and endless texts are the same cursor.
            plain = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
            at, _, row = plain[1:].partition("|")
            cursor = cls(datetime.fromisoformat(at), UUID(row), {"n": True, "o": False}[plain[:1]])
            # Only a forged cursor has no time zone; it would be an error in the query.
            in_utc(cursor.at)
        except (ValueError, KeyError, binascii.Error):
            raise ValueError("This is not a cursor. Take it from `next` or `previous` of a page.") from None
        return cursor


def _parsed(value: object) -> object:
    return value if isinstance(value, Cursor) else Cursor.parse(value)


class Query(StrictModel):
    """Query parameters. An unknown name is refused, so that a typing error does not widen a search."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False, arbitrary_types_allowed=True)

    @classmethod
    def of(cls, request: Request) -> Any:
        """The parameters of a request. pydantic.ValidationError for bad, unknown or repeated ones."""
        given: QueryDict = request.query_params
        # `QueryDict.dict()` silently takes the last of several values. As a list they fit no parameter and are refused.
        repeated = {name: values for name, values in given.lists() if len(values) > 1}
        return cls.model_validate({**given.dict(), **repeated})

    @classmethod
    def lenient(cls, given: Mapping[str, str]) -> Self:
        """The parameters of a page's address: those that are empty, unknown or invalid are left out.
        ValidationError when valid ones contradict each other."""
        wanted = {name: value for name, value in given.items() if value}
        try:
            return cls.model_validate(wanted)
        except ValidationError as error:
            invalid = {item["loc"][0] for item in error.errors() if item["loc"]}
            return cls.model_validate({name: value for name, value in wanted.items() if name not in invalid})

    @classmethod
    def parameters(cls) -> list[Any]:
        """For `extend_schema`."""
        return [cls]

    def conditions(self) -> dict[str, Any]:
        """The given filters, for `QuerySet.filter`."""
        return self.model_dump(exclude_none=True)

    def filtered(self, rows: Any, _user: Any) -> Any:
        """The rows of a query set, which the user may see, that match. A subclass has what no column says."""
        return rows.filter(**self.conditions())


class PageQuery(Query):
    """A subclass has one field for each filter, named as the column; `exclude=True` marks a field that is no column.
    `newest_by`: the column by which a resource's rows are sorted."""

    newest_by: ClassVar[str] = "created_at"

    cursor: Annotated[
        Any,
        BeforeValidator(_parsed),
        Field(exclude=True, description="From `next` or `previous`.", json_schema_extra={"type": "string"}),
    ] = None
    limit: Annotated[int, Field(exclude=True, ge=1, le=200, description="Rows of a page.")] = 50


class TimeQuery(PageQuery):
    from_: Annotated[
        Moment | None, Field(alias="from", exclude=True, description="Not before; ISO 8601 with a zone.")
    ] = None
    to: Annotated[Moment | None, Field(exclude=True, description="Before; ISO 8601 with a zone.")] = None

    def within(self, column: str) -> dict[str, datetime]:
        """Conditions for the rows whose time in `column` is between the ends."""
        ends = {f"{column}__gte": self.from_, f"{column}__lt": self.to}
        return {name: at for name, at in ends.items() if at is not None}

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_ is not None and self.to is not None and self.from_ >= self.to:
            raise ValueError("`from` must be before `to`.")
        return self
