"""Many rows are changed in short transactions, since SQLite has one writer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from core.slices import SLICE, delete_in_slices, update_in_slices
from monitoring.models import MaintenanceWindow
from tests.harness.rows.many_rows import requests
from tests.harness.rows.transactions import Transactions

pytestmark = pytest.mark.django_db
NUMBER = 2 * SLICE + 200
FEW = 60
"""Rows that a request changes besides: events, alerts and the row that it is about."""
LIST_OF_A_NIGHT = "All its fields, which were observed, are removed"
"""It takes the fields from their observations in the same transaction: a list is changed whole, or not at all."""


@pytest.fixture
def windows() -> None:
    now = timezone.now()
    MaintenanceWindow.objects.bulk_create(
        MaintenanceWindow(subject=str(number % 2), begins_at=now, ends_at=now + timedelta(hours=1))
        for number in range(NUMBER)
    )


def test_rows_are_deleted_slice_by_slice(windows: None) -> None:
    with Transactions() as transactions:
        assert delete_in_slices(MaintenanceWindow.objects.filter(subject="1")) == NUMBER // 2
    assert transactions.rows == [SLICE, NUMBER // 2 - SLICE]
    assert MaintenanceWindow.objects.count() == NUMBER // 2


def test_rows_are_updated_slice_by_slice_although_they_do_not_match_any_more(windows: None) -> None:
    with Transactions() as transactions:
        assert update_in_slices(MaintenanceWindow.objects.filter(subject="1"), subject="2") == NUMBER // 2
    assert transactions.rows == [SLICE, NUMBER // 2 - SLICE]
    assert MaintenanceWindow.objects.filter(subject="2").count() == NUMBER // 2


def test_no_row_is_no_transaction() -> None:
    with Transactions() as transactions:
        assert delete_in_slices(MaintenanceWindow.objects.all()) == 0
    assert transactions.rows == []


def test_no_request_writes_more_than_a_slice_in_a_transaction() -> None:
    most = {}
    for name, request in requests(NUMBER):
        with Transactions() as transactions:
            request()
        most[name] = transactions.most
    del most[LIST_OF_A_NIGHT]
    assert {name: rows for name, rows in most.items() if rows > SLICE + FEW} == {}
