"""The kinds of jobs, and what may be done with them."""

from __future__ import annotations

from core.jobs.tables import JOB_KINDS, JobKind, Lane


def kind_of(name: str) -> JobKind | None:
    """None for a kind that a newer or older version of the station knows."""
    return JOB_KINDS.get(name)


def role_of(name: str) -> str:
    """The lowest role that may start and cancel the kind."""
    kind = kind_of(name)
    return kind.role if kind else "manager"


def label_of(name: str) -> str:
    kind = kind_of(name)
    return kind.label if kind else name


def lane_of(name: str) -> Lane:
    kind = kind_of(name)
    return kind.lane if kind else Lane.LONG
