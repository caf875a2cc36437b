"""Field lists are added and changed whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.events.models import Event
from scheduler.models import FieldList
from scheduler.telescope.field_lists.resource import FieldListChange, FieldListRequest
from scheduler.telescope.field_lists.service import FieldListService
from tests.harness.rows.transactions import Transactions

pytestmark = pytest.mark.django_db
FIRST, SECOND, THIRD = "1.00 -25 Y 100 0 1 0 # a", "2.00 -25 Y 100 0 1 0 # b", "3.00 -25 Y 100 0 1 0 # c"
WRONG = "25 -25 Y 100 0 1 0"


@pytest.fixture
def service() -> FieldListService:
    return FieldListService(None, "olga")


@pytest.fixture
def tonight(service: FieldListService) -> FieldList:
    return service.add(FieldListRequest(name="tonight", text=f"{FIRST}\n{SECOND}\n"))


@contextmanager
def before_the_transaction(act: Callable[[], object]) -> Iterator[None]:
    """Call `act` once, just before the next transaction: as if another process came between."""
    waiting = [act]

    def execute(run: Any, sql: str, *arguments: Any) -> Any:
        if waiting and sql.startswith("SAVEPOINT"):
            waiting.pop()()
        return run(sql, *arguments)

    with connection.execute_wrapper(execute):
        yield


def errors_of(call: Callable[[], object]) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as refusal:
        call()
    return refusal.value.message_dict


def comments(found: FieldList) -> list[str]:
    return [field.comment.strip() for field in found.fields.all()]


def test_a_list_has_a_row_for_each_field(tonight: FieldList) -> None:
    assert comments(tonight) == ["a", "b"]
    assert [(field.ra_h, field.line, field.number) for field in tonight.fields.all()] == [(1, 1, 0), (2, 2, 1)]


def test_each_wrong_line_is_named_and_nothing_is_added(service: FieldListService) -> None:
    found = errors_of(lambda: service.add(FieldListRequest(name="x", text=f"{FIRST}\n{WRONG}\n\n{WRONG}")))
    assert [sentence[:7] for sentence in found["text"]] == ["Line 2:", "Line 4:"]
    assert not FieldList.objects.exists()


def test_a_name_is_given_once(service: FieldListService, tonight: FieldList) -> None:
    found = errors_of(lambda: service.add(FieldListRequest(name="TONIGHT")))
    assert found == {"name": ["There is a field list 'TONIGHT' already."]}


def test_a_field_that_stays_keeps_its_row(service: FieldListService, tonight: FieldList) -> None:
    row = tonight.fields.get(comment=" b").pk
    changed = service.change(tonight, FieldListChange(text=f"{THIRD}\n{SECOND.replace('100', '200')}\n"))
    assert comments(changed) == ["c", "b"]
    assert (changed.fields.get(pk=row).exposure_s, changed.revision) == (200, 2)


def test_a_new_name_writes_no_field(service: FieldListService, tonight: FieldList) -> None:
    with CaptureQueriesContext(connection) as queries:
        service.change(tonight, FieldListChange(name="tomorrow"))
    writes = [query["sql"] for query in queries if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]
    assert [sql for sql in writes if '"scheduler_field"' in sql] == []


def test_only_the_fields_that_differ_are_written(service: FieldListService) -> None:
    lines = [f"{number}.00 -25 Y 100 0 1 0 # {number}" for number in range(1, 21)]
    found = service.add(FieldListRequest(name="long", text="\n".join(lines)))
    lines[7] = lines[7].replace("100", "200")
    with Transactions() as transactions:
        service.change(found, FieldListChange(text="\n".join(lines)))
    # The list, its field, the event.
    assert transactions.most == 3


def test_a_list_that_another_changes_meanwhile_is_read_again(service: FieldListService, tonight: FieldList) -> None:
    with before_the_transaction(lambda: FieldListService(None, "otto").add_fields(tonight, THIRD)):
        changed = service.change(tonight, FieldListChange(text=SECOND))
    assert comments(changed) == ["b", "c"]
    assert changed.revision == 3


def test_a_wrong_text_changes_nothing(service: FieldListService, tonight: FieldList) -> None:
    errors_of(lambda: service.change(tonight, FieldListChange(name="other", text=WRONG)))
    tonight.refresh_from_db()
    assert (tonight.name, tonight.revision, comments(tonight)) == ("tonight", 1, ["a", "b"])


def test_a_change_of_a_list_that_another_has_changed_is_refused(service: FieldListService, tonight: FieldList) -> None:
    FieldListService(None, "otto").change(tonight, FieldListChange(text=THIRD, revision=1))
    found = errors_of(lambda: service.change(tonight, FieldListChange(text=FIRST, revision=1)))
    assert found == {"revision": ["otto has changed the list meanwhile. Read it again."]}
    assert comments(tonight) == ["c"]


def test_fields_that_are_added_come_to_the_end_once(service: FieldListService, tonight: FieldList) -> None:
    service.add_fields(tonight, THIRD)
    changed = service.add_fields(tonight, THIRD)
    assert [(field.comment, field.is_added) for field in changed.fields.all()][2:] == [(" c", True)]
    service.change(tonight, FieldListChange(added_text=""))
    assert comments(tonight) == ["a", "b"]


@pytest.mark.parametrize(("text", "sentence"), [("# nothing", "It has no field."), (WRONG, "Line 1: ")])
def test_what_adds_no_field_is_refused(service: FieldListService, tonight: FieldList, text: str, sentence: str) -> None:
    assert errors_of(lambda: service.add_fields(tonight, text))["text"][0].startswith(sentence)


def test_a_list_has_room_for_500_fields(service: FieldListService, tonight: FieldList) -> None:
    many = "\n".join(f"{number / 25:.2f} -25 Y 100 0 1 0" for number in range(499))
    assert "it may have up to 500" in errors_of(lambda: service.add_fields(tonight, many))["text"][0]
    assert comments(tonight) == ["a", "b"]


def test_an_archived_list_can_be_restored(service: FieldListService, tonight: FieldList) -> None:
    service.archive(tonight)
    assert FieldList.objects.get().archived_at is not None
    assert service.change(tonight, FieldListChange(archived=False)).archived_at is None


def test_each_change_is_an_event_with_its_author(service: FieldListService, tonight: FieldList) -> None:
    service.change(tonight, FieldListChange(text=FIRST))
    service.archive(tonight)
    assert [event.message for event in Event.objects.order_by("id")] == [
        "olga added the field list 'tonight' with 2 fields.",
        "olga changed the field list 'tonight', which has 1 field.",
        "olga archived the field list 'tonight', which has 1 field.",
    ]
