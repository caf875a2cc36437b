"""The fields of a list, from its row. Without NumPy: web processes import it."""

from __future__ import annotations

from scheduler.telescope.field_lists.models import FieldList
from scheduler.telescope.night.field_file import ListedField
from scheduler.telescope.night.field_list_file import FieldListContent, load_list


def content_of(found: FieldList) -> FieldListContent:
    return FieldListContent(str(found.pk), found.name, found.revision, found.text, found.added_text)


def listed_fields(found: FieldList) -> tuple[ListedField, ...]:
    """With those that were added for a night. ValueError when there are too many."""
    return load_list(content_of(found)).fields
