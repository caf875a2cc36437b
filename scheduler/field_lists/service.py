"""Adds, changes and archives field lists. A text with an error changes nothing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import uuid6
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from core.text.plurals import pluralize
from monitoring.services import record_event
from scheduler.field_lists.contents import listed_fields
from scheduler.field_lists.models import Field, FieldList
from scheduler.field_lists.nightly import end_nightly_start
from scheduler.field_lists.requests import FieldListChange, FieldListRequest
from scheduler.telescope.field_file import ListedField, parse_field_file
from scheduler.telescope.field_lists import ADDED

FIELD_COLUMNS = (
    "number", "line", "ra_h", "dec_deg", "kind", "exposure_s", "interval_s", "n_required", "survey", "comment",
    "is_added",
)  # fmt: skip
NO_FIELDS = "It has no field. Give at least one line with a field."


class FieldListService:
    """`actor` stands in the rows and events."""

    def __init__(self, actor: str) -> None:
        self._actor = actor

    def add(self, request: FieldListRequest, *, new_id: UUID | None = None) -> FieldList:
        """ValidationError with a sentence for each wrong line. `new_id` becomes its id; a list that has this id already
        is returned as it is."""
        if new_id and (added := FieldList.objects.filter(pk=new_id).first()):
            return added
        check_text(request.text)
        found = FieldList(
            id=new_id or uuid6.uuid7(), name=request.name, text=request.text, created_by=self._actor,
            changed_by=self._actor,
        )  # fmt: skip
        with transaction.atomic():
            self._save(found)
            self._record("telescope.list_added", found, f"added the field list {found.name!r} with")
        return found

    def change(self, found: FieldList, request: FieldListChange) -> FieldList:
        """ValidationError also when the list has another revision by now; then nothing is changed. A night that runs
        takes the new list over before its next choice."""
        for name in ("text", "added_text"):
            if getattr(request, name):
                check_text(getattr(request, name), name)
        with transaction.atomic():
            present = FieldList.objects.select_for_update().get(pk=found.pk)
            if request.revision not in (None, present.revision):
                raise ValidationError(
                    {"revision": f"{present.changed_by or 'Someone'} has changed the list meanwhile. Read it again."}
                )
            for name in ("name", "text", "added_text"):
                if (value := getattr(request, name)) is not None:
                    setattr(present, name, value)
            if request.archived is not None:
                present.archived_at = (present.archived_at or timezone.now()) if request.archived else None
            if request.archived:
                end_nightly_start(present, actor=self._actor)
            self._store_change(present)
            did = {None: "changed", True: "archived", False: "restored"}[request.archived]
            self._record("telescope.list_changed", present, f"{did} the field list {present.name!r}, which has")
        return present

    def add_fields(self, found: FieldList, text: str) -> FieldList:
        """Add fields for the night, as an .add file does: a field that was added before stays as it was added."""
        check_text(text, needs_field=True)
        with transaction.atomic():
            present = FieldList.objects.select_for_update().get(pk=found.pk)
            present.added_text = append_lines(present.added_text, text)
            self._store_change(present)
            self._record("telescope.list_changed", present, f"added fields to the list {present.name!r}, which has")
        return present

    def archive(self, found: FieldList) -> None:
        self.change(found, FieldListChange(archived=True))

    def _store_change(self, present: FieldList) -> None:
        present.revision = F("revision") + 1
        present.changed_by, present.changed_at = self._actor, timezone.now()
        self._save(present)
        present.refresh_from_db()

    def _save(self, found: FieldList) -> None:
        # The database decides about the name: a query could not exclude a second request of the same moment.
        try:
            with transaction.atomic():
                found.save()
        except IntegrityError:
            raise ValidationError({"name": f"There is a field list {found.name!r} already."}) from None
        try:
            fields = listed_fields(found)
        except ValueError as error:
            raise ValidationError({"text": str(error)}) from None
        store_fields(found, fields)

    def _record(self, kind: str, found: FieldList, did: str) -> None:
        count = pluralize(found.fields.count(), "field")
        record_event(kind, f"{self._actor or 'Someone'} {did} {count}.", actor=self._actor, subject=found.pk)


def append_lines(text: str, more: str) -> str:
    """With the lines of `more` that it does not have yet: a request that comes twice adds its fields once."""
    # Not splitlines(), which also ends a line at characters that a comment may have.
    lines, new = (part.replace("\r\n", "\n").removesuffix("\n").split("\n") if part else [] for part in (text, more))
    lines += [line for line in new if line.strip() and line not in lines]
    return "".join(f"{line}\n" for line in lines)


def check_text(text: str, name: str = "text", *, needs_field: bool = False) -> None:
    """ValidationError with all errors of the text, under `name`."""
    parsed = parse_field_file(text)
    if parsed.errors:
        raise ValidationError({name: [str(error) for error in parsed.errors]})
    if needs_field and not parsed.fields:
        raise ValidationError({name: NO_FIELDS})


def store_fields(found: FieldList, fields: tuple[ListedField, ...]) -> None:
    """Replace the rows of the fields. One whose key stays keeps its row, to which its observations refer."""
    known = {row.key: row.pk for row in found.fields.all()}
    rows = [row_of(found, field) for field in fields]
    for row in rows:
        row.pk = known.pop(row.key, None)
    found.fields.filter(pk__in=known.values()).delete()
    Field.objects.bulk_update([row for row in rows if row.pk], FIELD_COLUMNS, batch_size=50)
    Field.objects.bulk_create([row for row in rows if not row.pk])


def row_of(found: FieldList, field: ListedField) -> Field:
    values: dict[str, Any] = {
        "number": field.number, "line": field.line, "ra_h": field.ra, "dec_deg": field.dec, "kind": field.shutter,
        "exposure_s": field.exposure_s, "interval_s": field.interval_s, "n_required": field.n_required,
        "survey": int(field.survey), "comment": field.comment, "is_added": field.id.startswith(ADDED),
    }  # fmt: skip
    return Field(field_list=found, key=field.id, **values)
