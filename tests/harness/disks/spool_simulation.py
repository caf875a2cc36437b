"""Captures, sessions, ingest and recovery on a disk in memory, which a kill or a power cut may stop at any step."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from cameras.spool.moments import Moment
from cameras.spool.records import Plan, Record
from cameras.spool.recovery import failed_record, recover, settle_session
from cameras.spool.session_files import DesiredSession, SessionFile, session_name
from cameras.spool.spool import Spool, open_spool_folder
from tests.harness.disks.memory_files import Killed, MemoryFiles

CAMERA = "0193a000-0000-7000-8000-000000000001"


ROOT = "0193a000-0000-7000-8000-000000000002"


SESSION = "0193a000-0000-7000-8000-000000000003"


START = Moment(1_700_000_000.0, "boot", 10.0)


CUTS = {"kill": None, "power, all lost": 0.0, "power, half kept": 0.5, "power, all kept": 1.0}


def capture_id(minted: int) -> str:
    return f"0193b000-0000-7000-8000-{minted:012}"


def plan_of(index: int, minted: int) -> Plan:
    return Plan(
        id=capture_id(minted), camera=CAMERA, slug="dslr", session=SESSION, index=index, planned="2026-01-01T00:00:00Z",
        boot="boot", boot_s=10.0, deadline_s=20.0, path=f"captures/dslr/{capture_id(minted)}", asked={},
        requested_by="", job="",
    )  # fmt: skip


@dataclass
class Station:
    """The owner of one camera's spool, the ingest beside it, and a database that loses nothing."""

    files: MemoryFiles = field(default_factory=MemoryFiles)
    rows: dict[str, Record] = field(default_factory=dict)
    gaps: dict[str, Record] = field(default_factory=dict)
    minted: int = 0
    revision: int = 0
    state: str = "planned"
    contradictions: list[str] = field(default_factory=list)
    kinds: Sequence[str] = ("raw", "jpeg")
    """Of the files of the saved capture; none when they stay with the camera."""
    overlaps: bool = False
    """Whether the second capture is planned before the first has its outcome, as while a picture is fetched."""

    def __post_init__(self) -> None:
        open_spool_folder(self.files, CAMERA)
        self.spool = Spool(self.files, CAMERA)
        self.files.beside = self.ingest

    def run(self) -> None:
        """What a camera process does with a session of two captures, the second of which fails."""
        recover(self.spool, ROOT)
        session = self.session()
        if self.overlaps:
            for plan in [self.plan(index) for index in range(session.settled + 1, 2)]:
                self.record(plan)
        else:
            for index in range(session.settled + 1, 2):
                self.record(self.plan(index))
        session = self.session()
        if session.active:
            session.change_state("finished", START)
            session.save_and_send(self.spool)

    def session(self) -> SessionFile:
        name = session_name(SESSION)
        if self.files.size(self.spool.folder, name) is not None:
            return SessionFile.load(self.spool, name)
        desired_session = DesiredSession(
            id=SESSION, name="", revision=1, desired="running", programme={"exposure_us": 1}, created_by="", so_far={}
        )
        session = SessionFile.begin(desired_session, CAMERA, "dslr", ROOT, START)
        if self.state == "finished":
            session.state = "finished"
            session.settled = 1
            return session
        session.change_state("running", START)
        session.save_and_send(self.spool)
        return session

    def plan(self, index: int) -> Plan:
        self.minted += 1
        plan = plan_of(index, self.minted)
        self.spool.plan(plan)
        return plan

    def record(self, plan: Plan) -> None:
        if plan["index"] == 1:
            self.finish(failed_record(plan, ROOT, "camera_error", "It did not answer.", now=START.wall))
            return
        record = failed_record(plan, ROOT, "", "", outcome="saved", now=START.wall)
        for number, kind in enumerate(self.kinds, 1):
            part = self.spool.write_part(plan["id"], kind, f".{kind}", [b"P" * 10 * number])
            record["files"].append(
                {"kind": kind, "bytes": part.bytes, "sha256": part.sha256, "part": f"{plan['id']}.{kind}.part",
                 "path": f"{plan['path']}.{kind}", "width": None, "height": None}
            )  # fmt: skip
        self.finish(record)

    def finish(self, record: Record) -> None:
        self.spool.commit(record)
        self.spool.place(record)
        settle_session(self.spool, record)
        self.spool.done(record)

    def ingest(self) -> None:
        self.files.beside_at = None
        for name in self.spool.names():
            if name.endswith(".done"):
                record: Record = json.loads(self.files.read(self.spool.folder, name))
                self.ingest_record(record)
                self.files.step()
                self.files.unlink(self.spool.folder, record.get("settles", ""))
                self.files.unlink(self.spool.folder, name)
                self.files.sync(self.spool.folder)

    def ingest_record(self, record: Record) -> None:
        if record["kind"] == "capture":
            kept = self.rows.setdefault(record["id"], record)
            if kept["body"]["outcome"] != record["body"]["outcome"]:
                self.contradictions.append(record["id"])
        elif record["kind"] == "gap":
            self.gaps[record["id"]] = record
        elif record["body"]["number"] > self.revision:
            self.revision, self.state = record["body"]["number"], record["body"]["state"]

    def inconsistencies(self) -> list[str]:
        """Violations of the protocol's guarantees, once all is settled."""
        indices = sorted(record["body"]["index"] for record in self.rows.values())
        wrong = list(self.contradictions)
        wrong += [f"indices {indices}"] * (indices != [0, 1])
        wrong += [f"state {self.state}"] * (self.state != "finished")
        wrong += [f"gaps {self.gaps}"] * bool(self.gaps)
        wrong += [f"left over {name}" for name in self.spool.names() if name != "rejected"]
        wrong += [f"rejected {name}" for name in self.files.names(f"{self.spool.folder}/rejected")]
        placed = set(self.files.folders.get("captures/dslr", MemoryFiles().folders[""]).names)
        named = {file["path"].split("/")[-1] for record in self.rows.values() for file in record["files"]}
        return wrong + [f"file without row {name}" for name in placed - named] + [
            f"row without file {name}" for name in named - placed
        ]  # fmt: skip


def until_killed(station: Station, at: int | None, beside: int | None, cut: float | None) -> bool:
    """Run the owner until it is killed at that step (True) or has finished (False)."""
    station.files.steps = 0
    station.files.kill_at, station.files.beside_at = at, beside
    try:
        station.run()
        station.ingest()
    except Killed:
        if cut is not None:
            station.files.power_cut(cut)
        return True
    finally:
        station.files.kill_at = station.files.beside_at = None
    return False


def steps_of_a_run(make: Callable[[], Station] = Station) -> int:
    station = make()
    until_killed(station, None, None, None)
    return station.files.steps


def runs(stride: int, make: Callable[[], Station] = Station) -> Iterator[tuple[int, int, int, float | None]]:
    """First kill, step of the ingest during the first run, second kill, share that a power cut keeps."""
    steps = steps_of_a_run(make) + 2
    every = itertools.product(range(1, steps), range(1, steps), range(1, steps), CUTS.values())
    return itertools.islice(every, 0, None, stride)


def failed_runs(
    chosen: Iterable[tuple[int, int, int, float | None]], make: Callable[[], Station] = Station
) -> list[tuple[object, list[str]]]:
    wrong: list[tuple[object, list[str]]] = []
    for first, beside, second, cut in chosen:
        station = make()
        until_killed(station, first, beside, cut)
        until_killed(station, second, None, cut)
        until_killed(station, None, None, None)
        if found := station.inconsistencies():
            wrong.append(((first, beside, second, cut), found))
    return wrong
