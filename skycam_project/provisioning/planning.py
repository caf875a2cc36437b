"""What applying a list changes, and the changes themselves. All functions raise ConfigError with the place in the file
of what is wrong there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skycam_project.provisioning.plan import RowsPlan
from skycam_project.provisioning.rows import ListRows, Plans


def present_rows(rows: ListRows) -> dict[str, Any]:
    """By what is compared of their ids."""
    return {rows.key(rows.label(row)): row for row in rows.stored()}


def lock_rows(rows: ListRows) -> None:
    """Until the end of the transaction: of two people at once, the second compares with what the first stored."""
    list(rows.stored().select_related(None).order_by().select_for_update())


def plan_rows(rows: ListRows, plans: Plans, *, prune: bool) -> RowsPlan:
    present = present_rows(rows)
    check_kinds(rows, present)
    rows.check(plans)
    keyed = [(rows.key_of(entry), number, entry) for number, entry in rows.entries()]
    changes = {key: rows.change(number, entry, present.get(key)) for key, number, entry in keyed}
    missing = [row for key, row in present.items() if key not in changes]
    leaving = {rows.label(row): row for row in missing if rows.is_removed(row, plans, prune=prune)}
    rows.check_kept([row for row in missing if rows.label(row) not in leaving], plans)
    blocked = {name: found for name, row in leaving.items() if (found := rows.blocked(row))}
    return rows.arranged(
        RowsPlan(
            added=tuple(change for key, change in changes.items() if key not in present),
            changed=tuple(change for key, change in changes.items() if key in present and change.fields),
            unchanged=tuple(change.name for key, change in changes.items() if key in present and not change.fields),
            removed=tuple(name for name in leaving if name not in blocked),
            kept=tuple(name for row in missing if (name := rows.label(row)) not in leaving),
            blocked=tuple(blocked.values()),
        )
    )


def check_kinds(rows: ListRows, present: Mapping[str, Any]) -> None:
    """The kind of a row cannot be changed."""
    rows.refuse(
        f"{rows.place(number, 'type')}: {rows.label(row)} is a {rows.noun} of the type {row.kind}, and its type cannot "
        f"be changed. Remove it first, or choose another {rows.id_key}."
        for number, entry in rows.entries()
        if (row := present.get(rows.key_of(entry))) and (kind := rows.kind_of(entry)) and kind != row.kind
    )


def remove_rows(rows: ListRows, plan: RowsPlan) -> None:
    present = present_rows(rows) if plan.removed else {}
    # One may have gone with the row that it referred to.
    for row in filter(None, (present.get(rows.key(name)) for name in plan.removed)):
        rows.remove(row)


def store_rows(rows: ListRows, plan: RowsPlan) -> None:
    """Change and add the rows of the plan."""
    present, entries = present_rows(rows) if plan.changed else {}, dict(rows.entries())
    for change in plan.changed:
        with rows.located(change.number):
            rows.update(present[rows.key(change.name)], change)
    for change in plan.added:
        with rows.located(change.number):
            rows.add(entries[change.number], change)
    if plan.has_changes:
        rows.finish()
