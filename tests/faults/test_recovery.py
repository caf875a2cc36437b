"""Recovery handles all that a power cut, a bad disk or a person can leave in a spool."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uuid6

from cameras.spool.records import Plan, Record
from cameras.spool.recovery import failed_record
from cameras.spool.storage import Storage, make_root

CAMERA = "0193a000-0000-7000-8000-00000000000c"
DAY = "captures/sim/2026/01/15/raw"


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    root = str(uuid6.uuid7())
    make_root(tmp_path, root)
    storage = Storage(str(tmp_path), root, CAMERA)
    yield storage
    storage.close()


def planned(storage: Storage) -> Plan:
    capture = str(uuid6.uuid7())
    plan = Plan(
        id=capture, camera=CAMERA, slug="sim", session=None, index=None, planned="2026-01-15T20:00:00Z", boot="",
        boot_s=0.0, deadline_s=1.0, path=f"{DAY}/{capture}", asked={}, requested_by="", job="",
    )  # fmt: skip
    storage.spool.plan(plan)
    return plan


def committed(storage: Storage, **wrong: Any) -> Record:
    """A capture with a picture, whose process was killed after it wrote the record."""
    plan = planned(storage)
    part = storage.spool.write_part(plan["id"], "raw", ".nef", [b"picture"])
    record: Any = failed_record(plan, storage.root, "", "", "saved", now=0.0)
    record["files"] = [{
        "kind": "raw", "bytes": 7, "sha256": part.sha256, "width": None, "height": None,
        "part": f"{plan['id']}.raw.part", "path": f"{plan['path']}.nef", **wrong,
    }]  # fmt: skip
    storage.spool.commit(record)
    return record  # type: ignore[no-any-return]


def spool_files(storage: Storage) -> dict[str, list[str]]:
    """The files in the spool, by suffix."""
    found: dict[str, list[str]] = {}
    for name in storage.spool.names():
        found.setdefault(name.rpartition(".")[2], []).append(name.partition(".")[0])
    return found


def outcome(storage: Storage, capture: str) -> str:
    return str(storage.spool.read(f"{capture}.done")["body"]["outcome"])


def test_a_committed_capture_is_finished(storage: Storage, tmp_path: Path) -> None:
    record = committed(storage)
    assert storage.recover().finished == [record["id"]]
    assert (tmp_path / record["files"][0]["path"]).read_bytes() == b"picture"
    assert spool_files(storage)["done"] == [record["id"]]


def test_a_committed_capture_whose_files_stay_with_the_camera_is_finished(storage: Storage) -> None:
    record: Any = failed_record(planned(storage), storage.root, "", "", "saved", now=0.0)
    record["body"]["references"] = [{"kind": "fits", "place": "pco-nuc:/a.fits", "bytes": None, "sha256": None}]
    storage.spool.commit(record)
    assert storage.recover().finished == [record["id"]]
    assert storage.spool.read(f"{record['id']}.done")["body"] == record["body"]


def test_a_second_recovery_changes_nothing(storage: Storage) -> None:
    record = committed(storage)
    storage.recover()
    assert not bool(storage.recover())
    assert spool_files(storage)["done"] == [record["id"]]


def test_a_plan_without_a_record_is_interrupted_and_its_part_removed(storage: Storage) -> None:
    plan = planned(storage)
    storage.spool.write_part(plan["id"], "raw", ".nef", [b"half"])
    assert storage.recover().interrupted == [plan["id"]]
    assert spool_files(storage).keys() == {"lock", "rejected", "done"}


WRONG_FILES: list[dict[str, Any]] = [
    {"path": "../../etc/cron.d/x"}, {"path": "/etc/x"}, {"path": 5}, {"path": f"captures/.hidden/{CAMERA}.nef"},
    {"part": 5}, {"part": "../../x"}, {"bytes": "7"},
]  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG_FILES, ids=str)
def test_a_record_that_cannot_be_processed_is_rejected_and_its_capture_still_has_an_outcome(
    storage: Storage, wrong: dict[str, Any]
) -> None:
    record = committed(storage, **wrong)
    recovered = storage.recover()
    assert len(recovered.rejected) == 1
    assert outcome(storage, record["id"]) == "failed"
    assert f"{record['id']}.raw.part" in storage.files.names(f"{storage.spool.folder}/rejected")


WRONG_BODIES: list[dict[str, Any]] = [
    {},
    {"outcome": "lost"},
    {"outcome": ["saved"]},
    {"outcome": "saved", "index": "1"},
    {"outcome": "saved", "references": 7},
    {"outcome": "saved", "references": [{"kind": "fits"}]},
    {"outcome": "saved", "references": [{"kind": "fits", "place": 7, "bytes": None, "sha256": None}]},
    {"outcome": "saved", "references": [{"kind": "fits", "place": "a", "bytes": "7", "sha256": None}]},
    {"outcome": "saved", "references": [{"kind": "fits", "place": "a", "bytes": None, "sha256": 7}]},
]


@pytest.mark.parametrize("body", WRONG_BODIES, ids=str)
def test_a_record_with_a_damaged_body_is_rejected_and_its_capture_still_has_an_outcome(
    storage: Storage, body: dict[str, Any]
) -> None:
    plan = planned(storage)
    record = {**failed_record(plan, storage.root, "", "", now=0.0), "body": {"session": CAMERA, **body}}
    storage.files.create(storage.spool.folder, f"{plan['id']}.json", [json.dumps(record).encode()])
    assert len(storage.recover().rejected) == 1
    assert outcome(storage, plan["id"]) == "failed"


@pytest.mark.parametrize("index", ["Infinity", "1.5", '"1"', "[]"])
def test_a_plan_with_a_damaged_index_is_rejected_and_the_next_one_is_recovered(storage: Storage, index: str) -> None:
    damaged, whole = planned(storage), planned(storage)
    name = f"{damaged['id']}.plan"
    content = storage.files.read(storage.spool.folder, name).replace(b'"index":null', f'"index":{index}'.encode())
    storage.files.unlink(storage.spool.folder, name)
    storage.files.create(storage.spool.folder, name, [content])
    recovered = storage.recover()
    assert len(recovered.rejected) == 1
    assert recovered.interrupted == [whole["id"]]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[1]", b"{}", b'{"id": 5}', b'{"kind": "cap'])
@pytest.mark.parametrize("ending", ["json", "plan"])
def test_a_file_that_cannot_be_read_is_rejected(storage: Storage, ending: str, content: bytes) -> None:
    capture = str(uuid6.uuid7())
    storage.files.create(storage.spool.folder, f"{capture}.{ending}", [content])
    assert len(storage.recover().rejected) == 1
    assert spool_files(storage).keys() == {"lock", "rejected"}


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"anchor": 1, "last_end": 2}', b'{"anchor": {}, "last_end": {}}']
)
def test_a_session_that_cannot_be_read_is_rejected(storage: Storage, content: bytes) -> None:
    storage.files.create(storage.spool.folder, f"session-{uuid6.uuid7()}.json", [content])
    assert len(storage.recover().rejected) == 1
    assert spool_files(storage).keys() == {"lock", "rejected"}


def test_a_symbolic_link_in_place_of_the_days_folder_is_not_followed(storage: Storage, tmp_path: Path) -> None:
    record = committed(storage)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / DAY).parent.mkdir(parents=True)
    (tmp_path / DAY).symlink_to(elsewhere)
    assert len(storage.recover().rejected) == 1
    assert list(elsewhere.iterdir()) == []
    assert outcome(storage, record["id"]) == "failed"


def test_another_file_under_the_final_name_is_not_overwritten(storage: Storage, tmp_path: Path) -> None:
    record = committed(storage)
    final = tmp_path / record["files"][0]["path"]
    final.parent.mkdir(parents=True)
    final.write_bytes(b"another")
    assert len(storage.recover().rejected) == 1
    assert final.read_bytes() == b"another"
    assert outcome(storage, record["id"]) == "failed"


def test_a_part_without_a_plan_and_a_temporary_name_are_removed(storage: Storage) -> None:
    storage.spool.write_part(str(uuid6.uuid7()), "raw", ".nef", [b"x"])
    storage.files.create(storage.spool.folder, "tmp-x", [b"x"])
    assert len(storage.recover().removed) == 2
    assert spool_files(storage).keys() == {"lock", "rejected"}


def test_a_record_in_a_slot_is_read_like_any_other(storage: Storage) -> None:
    plan = planned(storage)
    record = failed_record(plan, storage.root, "disk_full", "Full.", now=0.0)
    storage.files.create(storage.spool.folder, f"{plan['id']}.json", [json.dumps(record).encode().ljust(8192)])
    assert storage.recover().finished == [plan["id"]]
