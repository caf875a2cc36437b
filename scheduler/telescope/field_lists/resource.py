"""A telescope's field lists as a resource. Their text comes from files, so that its pages and commands are by hand."""

from __future__ import annotations

from core.resources.resource import Operation, Resource
from scheduler.telescope.field_lists.bodies import FieldListBody, FieldListDetail
from scheduler.telescope.field_lists.requests import FieldListChange, FieldListRequest

FIELD_LISTS = Resource(
    name="field_lists",
    noun="field_list",  # as the parameter of the routes that are by hand
    path="telescope/field-lists/",
    package="scheduler.telescope.field_lists",
    service="service.FieldListService",
    rows="selectors.lists_for",
    row="selectors.list_for",
    prepare="selectors.with_nights",
    answer=FieldListBody,
    operations=(
        Operation("list", "viewer", "List all field lists by name, with those that are archived."),
        Operation("show", "viewer", "Show the list.", answer=FieldListDetail),
        Operation(
            "add", "operator", "Add a list. All lines that are wrong are named at once.", "add", FieldListRequest,
            answer=FieldListDetail,
        ),
        Operation(
            "change", "operator", "Change what is given. A night that runs takes the list over before its next choice.",
            "change", FieldListChange, answer=FieldListDetail,
        ),
        Operation(
            "remove", "operator", "Archive the list: what was observed from it stays. PATCH with `archived` false "
            "restores it.", "archive",
        ),
    ),
    columns=("name", "revision", "fields", "archived", "changed"),
)  # fmt: skip
