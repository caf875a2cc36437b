"""The Supervisor's database side, beside a database that is slow."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cameras.supervision.ledger import Ledger, Spooled
from cameras.supervision.supervisor import Supervisor
from captures.models import Capture
from tests.cameras.supervision.records import capture_record, lay, lay_raw
from tests.faults.ledger import Archive

pytestmark = pytest.mark.django_db


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    ledger = Supervisor().ledger
    yield ledger
    ledger._stopping.set()


def within_ten_seconds(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_a_record_that_cannot_be_read_does_not_end_the_answers_to_the_impatient(
    archive: Archive, ledger: Ledger
) -> None:
    waiting = Spooled(archive.wish(), lay_raw(archive, b"rubbish"), "first", time.monotonic() - 9)
    [record] = lay(archive, capture_record(archive))
    following = Spooled(archive.wish(), record, "second", time.monotonic() - 9)
    ledger._spooled.extend([waiting, following])
    ledger._impatient.start()
    assert within_ten_seconds(lambda: following.answered)


def test_a_root_whose_path_is_gone_holds_up_no_other_camera(archive: Archive, ledger: Ledger) -> None:
    nowhere = dataclasses.replace(archive.wish(), root_path=str(archive.folder / "gone"))
    [record] = lay(archive, capture_record(archive))
    ledger.take(nowhere, record, "")
    ledger.take(archive.wish(), record, "")
    ledger._turn()
    assert (ledger.away_since, Capture.objects.filter(pk=record).exists()) == (None, True)
