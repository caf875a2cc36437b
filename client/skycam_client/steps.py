"""What a call does, step by step, without waiting for anything itself: `Client` and `AsyncClient` carry the steps out,
each in its own way. So a retry, a page or a download is written once."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request; the step's result is the `httpx.Response`, or an `httpx.RequestError` is raised there.
    `path` begins below the address of the station. `streamed`: the body is left to `Read`. `read_timeout_s`: instead of
    the client's."""

    method: str
    path: str
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    streamed: bool = False
    read_timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """The next bytes of the newest streamed answer; empty at its end."""


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float


@dataclass(frozen=True, slots=True)
class Run:
    """Call a function that may block, such as one that writes to a disk."""

    function: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Give(Generic[T_co]):
    """The next one of several results."""

    value: T_co


@dataclass(frozen=True, slots=True)
class End(Generic[T_co]):
    """The steps have ended with a result."""

    value: T_co


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step has led to. `error` is raised where the step was made."""

    value: Any = None
    error: Exception | None = None


Step = Send | Read | Wait | Run
Steps = Generator[Step, Any, T]
"""Ends with its result."""
ManySteps = Generator[Step | Give[T], Any, None]


def advance(steps: Generator[Any, Any, T], outcome: Outcome = Outcome()) -> Step | Give[Any] | End[T]:
    """The next step, after the outcome of the one before."""
    try:
        found: Step | Give[Any] = steps.throw(outcome.error) if outcome.error else steps.send(outcome.value)
    except StopIteration as end:
        return End(end.value)
    return found
