"""How a method that says its steps becomes one of `Client`, which waits, and one of `AsyncClient`, which is awaited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from skycam_client.steps import ManySteps, Steps

if TYPE_CHECKING:
    from skycam_client.client import AsyncClient, Client

P = ParamSpec("P")
T = TypeVar("T")


class ClientBase:
    """What both clients have."""

    retry_for_s: float


AnyClient = TypeVar("AnyClient", bound=ClientBase)


class Group(Generic[AnyClient]):
    """Calls that belong together, such as those of captures."""

    def __init__(self, client: AnyClient) -> None:
        self._client = client


class call(Generic[P, T]):  # noqa: N801 - a decorator
    """The method returns its result; that of an AsyncClient has to be awaited."""

    def __init__(self, steps: Callable[Concatenate[Any, P], Steps[T]]) -> None:
        self._steps = steps

    @overload
    def __get__(self, group: Group[Client], owner: object) -> Callable[P, T]: ...
    @overload
    def __get__(self, group: Group[AsyncClient], owner: object) -> Callable[P, Awaitable[T]]: ...
    def __get__(self, group: Any, owner: object) -> Any:
        @wraps(self._steps)
        def run(*args: P.args, **named: P.kwargs) -> Any:
            return group._client.run(self._steps(group, *args, **named))  # noqa: SLF001

        return run


class listing(Generic[P, T]):  # noqa: N801 - a decorator
    """The method returns an iterator; that of an AsyncClient is used with `async for`."""

    def __init__(self, steps: Callable[Concatenate[Any, P], ManySteps[T]]) -> None:
        self._steps = steps

    @overload
    def __get__(self, group: Group[Client], owner: object) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, group: Group[AsyncClient], owner: object) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, group: Any, owner: object) -> Any:
        @wraps(self._steps)
        def run(*args: P.args, **named: P.kwargs) -> Any:
            return group._client.iterate(self._steps(group, *args, **named))  # noqa: SLF001

        return run
