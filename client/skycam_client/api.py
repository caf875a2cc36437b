"""The requests of which the calls of all groups are made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from skycam_client.calls import AnyClient, Group
from skycam_client.requests import API, exchange, keyed, read_as
from skycam_client.steps import Give, ManySteps, Send, Steps

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """Of a list; `next` is the path of the page after it."""

    results: list[T]
    next: str | None = None


def place(*parts: object) -> str:
    """The path of a route: `place("captures", id)` is `captures/ID/`. What a program gives cannot lead elsewhere."""
    return "".join(f"{quote(str(part), safe='')}/" for part in parts)


def with_query(path: str, filters: Mapping[str, Any]) -> str:
    given = {name.rstrip("_"): text_of(value) for name, value in filters.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def text_of(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, datetime) else str(value)


def json_of(wanted: BaseModel | None, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a request, from a model or from fields. `from_` is the field `from`."""
    if wanted is None:
        return {name.rstrip("_"): to_jsonable_python(value, by_alias=True) for name, value in fields.items()}
    return wanted.model_dump(mode="json", by_alias=True, exclude_unset=True)


class ApiGroup(Group[AnyClient]):
    """`answer` is the model of an answer, which may be a list or a dictionary of models."""

    def _send(self, send: Send) -> Steps[Any]:
        return (yield from exchange(send, self._client.retry_for_s))

    def _get(self, path: str, answer: type[T], filters: Mapping[str, Any] | None = None) -> Steps[T]:
        found = yield from self._send(Send("GET", with_query(API + path, filters or {})))
        return read_as(answer, found)

    def _change(self, method: str, path: str, answer: type[T], body: Any = None) -> Steps[T]:
        """PUT, PATCH, or a DELETE that answers."""
        found = yield from self._send(Send(method, API + path, body))
        return read_as(answer, found)

    def _remove(self, path: str) -> Steps[None]:
        yield from self._send(Send("DELETE", API + path))

    def _post(self, path: str, answer: type[T], body: Any = None, *, key: str = "", takes_key: bool = True) -> Steps[T]:
        """Carried out once, if the route takes a key: then it is sent until there is an answer."""
        found = yield from self._send(Send("POST", API + path, body or {}, keyed(key) if takes_key else {}))
        return read_as(answer, found)

    def _pages(self, path: str, answer: type[T], filters: Mapping[str, Any]) -> ManySteps[T]:
        """All results of a list, page by page. Those of one that has no pages, too."""
        following: str | None = with_query(API + path, filters)
        while following:
            found = yield from self._send(Send("GET", following))
            page = read_as(Page[answer], found)  # type: ignore[valid-type]
            for one in page.results:
                yield Give(one)
            following = page.next
