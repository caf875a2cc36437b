"""Adds, changes and archives field lists. A text with an error changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import uuid6
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from core.events.service import record_event
from core.text.sentences import pluralize
from scheduler.telescope.field_lists.models import Field, FieldList
from scheduler.telescope.field_lists.nightly import end_nightly_start
from scheduler.telescope.field_lists.nights import listed_fields
from scheduler.telescope.field_lists.observers import check_may_change
from scheduler.telescope.field_lists.resource import FieldListChange, FieldListRequest
from scheduler.telescope.night.field_file import ListedField, parse_field_file
from scheduler.telescope.night.field_lists import ADDED

FIELD_COLUMNS = (
    "number", "line", "ra_h", "dec_deg", "kind", "exposure_s", "interval_s", "n_required", "survey", "comment",
    "is_added",
)  # fmt: skip
NO_FIELDS = "It has no field. Give at least one line with a field."


class FieldListService:
    """`user` decides which lists may be changed: none that a camera observes which the user may not see. None is the
    station itself. `actor` stands in the rows and events."""

    def __init__(self, user: Any, actor: str) -> None:
        self._user, self._actor = user, actor

    def add(self, request: FieldListRequest, new_id: UUID | None = None) -> FieldList:
        """ValidationError with a sentence for each wrong line. `new_id` becomes its id; a list that has this id already
        is returned as it is."""
        if new_id and (added := FieldList.objects.filter(pk=new_id).first()):
            return added
        check_text(request.text)
        found = FieldList(
            id=new_id or uuid6.uuid7(), name=request.name, text=request.text, created_by=self._actor,
            changed_by=self._actor,
        )  # fmt: skip
        fields = fields_of(found)
        with transaction.atomic():
            save_list(found)
            store_fields(found, fields)
            self._record("telescope.list_added", found, f"added the field list {found.name!r} with")
        return found

    def change(self, found: FieldList, request: FieldListChange) -> FieldList:
        """ValidationError also when the list has another revision by now; then nothing is changed. A night that runs
        takes the new list over before its next choice."""
        for name in ("text", "added_text"):
            if getattr(request, name):
                check_text(getattr(request, name), name)

        def edit(present: FieldList) -> None:
            if request.revision not in (None, present.revision):
                raise ValidationError(
                    {"revision": f"{present.changed_by or 'Someone'} has changed the list meanwhile. Read it again."}
                )
            for name in ("name", "text", "added_text"):
                if (value := getattr(request, name)) is not None:
                    setattr(present, name, value)
            if request.archived is not None:
                present.archived_at = (present.archived_at or timezone.now()) if request.archived else None

        did = {None: "changed", True: "archived", False: "restored"}[request.archived]
        return self._change(found, edit, f"{did} the field list {{!r}}, which has", ends_nightly=bool(request.archived))

    def add_fields(self, found: FieldList, text: str) -> FieldList:
        """Add fields for the night, as an .add file does: a field that was added before stays as it was added."""
        check_text(text, needs_field=True)

        def edit(present: FieldList) -> None:
            present.added_text = append_lines(present.added_text, text)

        return self._change(found, edit, "added fields to the list {!r}, which has")

    def archive(self, found: FieldList) -> None:
        self.change(found, FieldListChange(archived=True))

    def _change(
        self, found: FieldList, edit: Callable[[FieldList], None], did: str, *, ends_nightly: bool = False
    ) -> FieldList:
        """`edit` the list, and store what it changes. The text is read before the transaction, which takes a second for
        500 fields on a busy machine: if another has changed the list meanwhile, it is read again."""
        while True:
            present = FieldList.objects.get(pk=found.pk)
            revision, texts = present.revision, (present.text, present.added_text)
            edit(present)
            fields = None if (present.text, present.added_text) == texts else fields_of(present)
            with transaction.atomic():
                check_may_change(present, self._user)
                if FieldList.objects.select_for_update().get(pk=found.pk).revision != revision:
                    continue
                if ends_nightly:
                    end_nightly_start(present, user=self._user, actor=self._actor)
                present.revision = revision + 1
                present.changed_by, present.changed_at = self._actor, timezone.now()
                save_list(present)
                if fields is not None:
                    store_fields(present, fields)
                self._record("telescope.list_changed", present, did.format(present.name))
            return present

    def _record(self, kind: str, found: FieldList, did: str) -> None:
        count = pluralize(found.fields.count(), "field")
        record_event(
            kind, f"{self._actor or 'Someone'} {did} {count}.", camera=None, actor=self._actor, subject=found.pk
        )


def save_list(found: FieldList) -> None:
    """ValidationError for a name that is taken."""
    # The database decides about the name: a query could not exclude a second request of the same moment.
    try:
        with transaction.atomic():
            found.save()
    except IntegrityError:
        raise ValidationError({"name": f"There is a field list {found.name!r} already."}) from None


def fields_of(found: FieldList) -> tuple[ListedField, ...]:
    """ValidationError for too many."""
    try:
        return listed_fields(found)
    except ValueError as error:
        raise ValidationError({"text": str(error)}) from None


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
    """Bring the rows of the fields to these, and write only those that differ. One whose key stays keeps its row, to
    which its observations refer."""
    known = {row.key: row for row in found.fields.all()}
    rows = [row_of(found, field) for field in fields]
    changed = [row for row in rows if row.key not in known or columns_of(row) != columns_of(known[row.key])]
    found.fields.filter(key__in=known.keys() - {row.key for row in rows}).delete()
    # As an insertion, which is ten times faster than the CASE of `bulk_update`.
    Field.objects.bulk_create(
        changed, update_conflicts=True, unique_fields=["field_list", "key"], update_fields=FIELD_COLUMNS
    )


def columns_of(row: Field) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in FIELD_COLUMNS)


def row_of(found: FieldList, field: ListedField) -> Field:
    values: dict[str, Any] = {
        "number": field.number, "line": field.line, "ra_h": field.ra, "dec_deg": field.dec, "kind": field.shutter,
        "exposure_s": field.exposure_s, "interval_s": field.interval_s, "n_required": field.n_required,
        "survey": int(field.survey), "comment": field.comment, "is_added": field.id.startswith(ADDED),
    }  # fmt: skip
    return Field(field_list=found, key=field.id, **values)
