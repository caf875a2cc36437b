"""Captures of a programme that chooses its exposures: each is counted in a file of the programme, in the spool."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from cameras.spool.records import CaptureRecord
from cameras.spool.spool import Spool
from cameras.tables import OBSERVATIONS
from core.registry import resolve

Settle: TypeAlias = Callable[[Spool, CaptureRecord], list[str]]
"""An entry of OBSERVATIONS: counts the outcome of a capture, before the ingest can see its record, and returns the ids
of the records that it has sent. Repeated, it changes nothing."""


def settle_observation(spool: Spool, record: CaptureRecord) -> list[str]:
    """Count a capture in the file of the programme that chose it, if one did."""
    observation = record["body"].get("observation")
    # A later version may have kinds that this one does not know.
    path = OBSERVATIONS.get(observation["kind"]) if observation else None
    if path is None:
        return []
    settle: Settle = resolve(path)
    return settle(spool, record)
