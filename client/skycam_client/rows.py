"""The rows of any resource of the station, by its description: the same calls for all of them."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Generic
from uuid import UUID

from pydantic import BaseModel
from typing_extensions import TypeVar

from core import registry
from core.resources.fields import Fields
from core.resources.resource import Operation, Resource
from skycam_client.api import ApiGroup, json_of, place
from skycam_client.calls import AnyClient, call, listing
from skycam_client.steps import ManySteps, Steps
from skycam_project.resources import RESOURCES

Answer = TypeVar("Answer", bound=Fields)
MODELS = registry.__name__.removesuffix("core.registry")
"""The package that has the modules of the station: in the repository none, in an installed client its own."""


def resource_named(name: str) -> Resource[Any]:
    """KeyError, with the names there are."""
    if name not in RESOURCES:
        raise KeyError(f"The station has no resource {name}. It has {', '.join(sorted(RESOURCES))}.")
    module, _, found = RESOURCES[name].rpartition(".")
    described: Resource[Any] = getattr(import_module(MODELS + module), found)
    if not described.path:
        raise KeyError(f"{name} have no routes.")
    return described


class Rows(ApiGroup[AnyClient], Generic[AnyClient, Answer]):
    """`wanted` is the model of a request; its fields can be given by name instead. `key` of a row is its id, or the
    name by which it is known. Without an `idempotency_key` each call has its own."""

    def __init__(self, client: AnyClient, resource: Resource[Answer]) -> None:
        super().__init__(client)
        self._resource = resource

    @listing
    def list(self, /, **filters: Any) -> ManySteps[Answer]:
        """All rows, page by page. The filters are those of the route."""
        self._operation("list")
        yield from self._pages(self._resource.path, self._resource.answer, filters)

    @call
    def show(self, key: str | UUID) -> Steps[Answer]:
        self._operation("show")
        return (yield from self._get(self._path(key), self._resource.answer))

    @call
    def add(self, /, wanted: BaseModel | None = None, *, idempotency_key: str = "", **fields: Any) -> Steps[Answer]:
        operation, body = self._operation("add"), json_of(wanted, fields)
        answer: type[Answer] = operation.answer or self._resource.answer  # type: ignore[assignment]
        takes_key = operation.takes_key
        return (yield from self._post(self._resource.path, answer, body, key=idempotency_key, takes_key=takes_key))

    @call
    def change(self, /, key: str | UUID, wanted: BaseModel | None = None, **fields: Any) -> Steps[Answer]:
        """Fields that are not given stay, or, of a resource that is replaced, get their defaults."""
        known = {one.name: one for one in self._resource.operations}
        operation = known.get("change") or self._operation("replace")
        method = "PUT" if operation.replaces or operation.name == "replace" else "PATCH"
        return (yield from self._change(method, self._path(key), self._resource.answer, json_of(wanted, fields)))

    @call
    def remove(self, key: str | UUID) -> Steps[None]:
        self._operation("remove")
        yield from self._remove(self._path(key))

    @call
    def act(
        self,
        /,
        action: str,
        key: str | UUID,
        wanted: BaseModel | None = None,
        *,
        idempotency_key: str = "",
        **fields: Any,
    ) -> Steps[Any]:
        """An action on one row, such as `end` of a maintenance window. Its answer is the row, or what the action has
        instead."""
        operation = self._operation(action)
        path, body = f"{self._path(key)}{place(action)}", json_of(wanted, fields)
        answer = operation.answer or self._resource.answer
        takes_key = operation.takes_key
        return (yield from self._post(path, answer, body, key=idempotency_key, takes_key=takes_key))

    def _path(self, key: str | UUID) -> str:
        return self._resource.path + place(key)

    def _operation(self, name: str) -> Operation:
        known = {one.name: one for one in self._resource.operations}
        if name not in known:
            raise ValueError(f"There is no {name} of a {self._resource.noun}. There is {', '.join(known)}.")
        return known[name]
