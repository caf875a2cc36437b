"""Ingests records of observations, idempotent by the capture's id and in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cameras.spool.records import ObservationRecord
from captures.sessions.models import Session
from scheduler.telescope.field_lists.models import Field, FieldList, Observation


def ingest_observations(records: Iterable[ObservationRecord]) -> None:
    for record in records:
        ingest_observation(record)


def ingest_observation(record: ObservationRecord) -> None:
    """Store what a capture observed. Its capture may come later. A list, a field or a session that is deleted is left
    empty. The first record of a capture holds."""
    body = record["body"]
    field_list = FieldList.objects.filter(pk=body["field_list"]).first()
    field = Field.objects.filter(field_list=field_list, key=body["field_key"]).first() if field_list else None
    session = Session.objects.filter(pk=body["session"]).first()
    observation = Observation(
        capture_id=body["capture"],
        field_list=field_list,
        field=field,
        session=session,
        field_key=body["field_key"],
        number=body["number"],
        observed_at=datetime.fromisoformat(body["observed_at"]),
        jd=body["jd"],
        lst_h=body["lst_h"],
        ha_h=body["ha_h"],
        airmass=body["airmass"],
        exposure_s=body["exposure_s"],
        filename=body["filename"],
        selection=body["selection"],
        reason=body["reason"][:500],
        interval_h=body["interval_h"],
    )
    Observation.objects.bulk_create([observation], ignore_conflicts=True)
