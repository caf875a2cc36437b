"""Fields that are added while a night runs, and what an edited list changes."""

from __future__ import annotations

import pytest

from scheduler.telescope.night.field_lists import diff_fields, merge_added
from tests.scheduler.telescope.nights import listed

DARK = "0 0 N 60 0 15 0"
FIRST = "1 -10 Y 60 1800 3 0"
SECOND = "2 -20 Y 60 1800 3 0"
THIRD = "3 -30 Y 60 1800 3 0"


def test_added_fields_come_last_with_the_next_numbers() -> None:
    fields = merge_added(listed(DARK, FIRST), listed(SECOND, THIRD))
    assert [(field.number, field.script_line) for field in fields] == [
        (0, DARK), (1, FIRST), (2, SECOND), (3, THIRD),
    ]  # fmt: skip


def test_a_file_that_grows_adds_its_new_lines_alone() -> None:
    once = merge_added(listed(DARK), listed(FIRST))
    again = merge_added(once, listed(FIRST))
    later = merge_added(again, listed(FIRST, SECOND))
    assert again == once
    assert later[:2] == once
    assert [field.script_line for field in later] == [DARK, FIRST, SECOND]


def test_a_place_of_the_list_may_be_added_once_more() -> None:
    fields = merge_added(listed(FIRST), listed(FIRST))
    assert [field.script_line for field in fields] == [FIRST, FIRST]
    assert len({field.id for field in fields}) == 2


def test_a_line_of_the_added_file_that_changes_stays_as_it_was_added() -> None:
    once = merge_added(listed(DARK), listed(FIRST))
    assert merge_added(once, listed("1 -10 Y 90 1800 5 0")) == once


def test_a_night_has_room_for_500_fields() -> None:
    full = listed(*[DARK] * 499)
    assert len(merge_added(full, listed(FIRST))) == 500
    with pytest.raises(
        ValueError, match=r"The night has 499 fields, and 2 would be added; it may have up to 500\. None"
    ):
        merge_added(full, listed(FIRST, SECOND))


def test_the_same_list_has_no_differences() -> None:
    assert diff_fields(listed(DARK, FIRST), listed(DARK, FIRST)).is_empty


def test_lines_are_added_and_removed() -> None:
    diff = diff_fields(listed(DARK, FIRST, SECOND), listed(DARK, SECOND, THIRD))
    assert [field.script_line for field in diff.added] == [THIRD]
    assert [field.script_line for field in diff.removed] == [FIRST]
    assert diff.changed == ()
    assert not diff.is_reordered
    assert not diff.is_empty


def test_a_changed_field_names_its_columns() -> None:
    diff = diff_fields(listed(DARK, FIRST), listed("5 5 Y 5 5 5 0", DARK, "1 -10 s 90 1800 5 4 # soon"))
    (changed,) = diff.changed
    assert (changed.old.script_line, changed.new.comment) == (FIRST, " soon")
    assert changed.columns == ("exposure", "observations", "survey", "comment")


def test_a_changed_focus_sequence_names_its_steps() -> None:
    (changed,) = diff_fields(listed("0 0 F 9 0 7 0 .05 27"), listed("0 0 F 9 0 7 0 .04 28")).changed
    assert changed.columns == ("increment", "default")


def test_a_field_whose_place_changed_is_compared_with_the_one_that_was_in_its_line() -> None:
    diff = diff_fields(listed(DARK, FIRST, SECOND), listed(DARK, "1.5 -10 P 60 1800 3 0", SECOND))
    assert [(changed.old.script_line, changed.columns) for changed in diff.changed] == [(FIRST, ("ra", "flag"))]
    assert (diff.added, diff.removed) == ((), ())


def test_a_line_that_only_looks_different_is_no_change() -> None:
    assert diff_fields(listed(FIRST), listed("1.000  -10 s 60.0 1.8e3 3 0")).is_empty


def test_another_order_is_a_difference() -> None:
    diff = diff_fields(listed(FIRST, SECOND), listed(SECOND, FIRST))
    assert diff.is_reordered
    assert (diff.added, diff.removed, diff.changed) == ((), (), ())
