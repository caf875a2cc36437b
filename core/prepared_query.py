"""Queries whose SQL is built once, for the few that every request or every capture makes.

Django builds the SQL of a queryset again at each evaluation, which takes three times as long as SQLite needs to find
the row. docs/decisions/capture-speed.md has the figures.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from django.db import connections
from django.db.models import Expression, Field, Model, QuerySet
from django.db.models.query import get_related_populators

ModelT = TypeVar("ModelT", bound=Model)


class Parameter(Expression):
    """The place of a value in a prepared query. `field` converts the value for the database, as a lookup would."""

    def __init__(self, name: str, field: Field[Any, Any]) -> None:
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s", (self,)

    def value(self, values: dict[str, Any], connection: Any) -> Any:
        return self.output_field.get_db_prep_value(values[self.name], connection)


class PreparedQuery(Generic[ModelT]):
    """A queryset with a `Parameter` in the place of each value. Any thread may use it.

    It may have `only()` and `select_related()`, but neither annotations nor prefetched objects.
    """

    def __init__(self, build: Callable[[], QuerySet[ModelT]]) -> None:
        """`build` is called at the first use: at import, the models may not be ready."""
        self._build = build
        # By thread, because a database connection belongs to one, and what is prepared depends on the connection.
        self._prepared = threading.local()

    def rows(self, **values: Any) -> list[ModelT]:
        """The objects of the rows, for a value of each parameter."""
        prepared: _Prepared | None = getattr(self._prepared, "query", None)
        # A connection that was closed and opened again is the same object; one of another configuration is not.
        if prepared is None or prepared.connection is not connections[prepared.alias]:
            prepared = self._prepared.query = _Prepared(self._build())
        return prepared.objects(prepared.fetch(values))

    def first(self, **values: Any) -> ModelT | None:
        return next(iter(self.rows(**values)), None)


class _Prepared:
    """The SQL of a queryset for one connection, and what makes objects of its rows: the steps of Django's
    ModelIterable."""

    def __init__(self, queryset: QuerySet[Any]) -> None:
        self.alias = queryset.db
        self.connection: Any = connections[self.alias]
        self._compiler: Any = queryset.query.get_compiler(self.alias)
        self._sql, self._parameters = self._compiler.as_sql()
        select, known = self._compiler.select, self._compiler.klass_info
        first, last = known["select_fields"][0], known["select_fields"][-1]
        self._model, self._columns = known["model"], slice(first, last + 1)
        self._names = [column.target.attname for column, *_ in select[self._columns]]
        self._related: list[Any] = get_related_populators(known, select, self.alias)  # type: ignore[call-arg]  # the stubs are of Django 6
        self._converters = self._compiler.get_converters([column for column, *_ in select])

    def fetch(self, values: dict[str, Any]) -> list[Any]:
        parameters = [
            one.value(values, self.connection) if isinstance(one, Parameter) else one for one in self._parameters
        ]
        with self.connection.cursor() as cursor:
            cursor.execute(self._sql, parameters)
            return list(cursor.fetchall())

    def objects(self, rows: Iterable[Any]) -> list[Any]:
        return [self._object(row) for row in self._compiler.apply_converters(rows, self._converters)]

    def _object(self, row: list[Any]) -> Any:
        found = self._model.from_db(self.alias, self._names, row[self._columns])
        for related in self._related:
            related.populate(row, found)
        return found
