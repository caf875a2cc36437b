"""A camera process begins the sessions of its agenda by itself."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.runtime.link import Reporter
from cameras.runtime.storage_holder import SessionResumption
from cameras.spool.agenda import AGENDA_BYTES, NAME, AgendaFile, Run, build_agenda
from cameras.spool.moments import iso
from cameras.spool.records import Programme
from cameras.spool.spool import LARGE_SLOT_BYTES
from cameras.supervision.child import LINK_BYTES
from tests.harness.camera_processes.agendas import RUNS, AgendaBench, content, run
from tests.harness.camera_processes.sessions import SESSION
from tests.harness.clocks.camera_clock import EVENING
from tests.harness.disks.small_disk import SmallDisk
from tests.harness.runs.examples import examples
from tests.harness.runs.folder import memory

HOUR = 3600.0


@pytest.fixture
def bench(tmp_path: Path) -> AgendaBench:
    """Two runs of ten minutes, in one hour and in two."""
    return AgendaBench(tmp_path, run(0, HOUR, HOUR + 600), run(1, 2 * HOUR, 2 * HOUR + 600))


def test_a_run_begins_at_its_time_with_the_id_of_the_plan(bench: AgendaBench) -> None:
    bench.go_on_until(3 * HOUR)
    assert bench.states() == [
        (RUNS[0], "running"), (RUNS[0], "finished"), (RUNS[1], "running"), (RUNS[1], "finished"),
    ]  # fmt: skip
    assert len(bench.records("capture")) == 20
    assert bench.gaps() == []


def test_the_first_record_of_a_run_describes_its_session(bench: AgendaBench) -> None:
    bench.go_on_until(HOUR + 60)
    description = bench.records("session")[0]["description"]
    assert description["name"] == "run 0"
    assert description["created_by"] == "the planner"
    assert description["programme"]["windows"] == [[iso(EVENING + HOUR), iso(EVENING + HOUR + 600)]]


def test_the_agenda_survives_the_process(bench: AgendaBench) -> None:
    bench.start_process()
    bench.go_on_until(HOUR + 60)
    assert bench.states() == [(RUNS[0], "running")]
    assert bench.gaps() == []


@pytest.mark.parametrize("ended", [None, ("camera_hung", "The camera process hung.")])
def test_a_run_whose_begin_had_no_process_begins_late_with_a_gap(
    bench: AgendaBench, ended: tuple[str, str] | None
) -> None:
    bench.clock.go_on(HOUR + 300)
    bench.ended = ended
    bench.start_process()
    bench.go_on_until(HOUR + 320)
    assert bench.gaps() == [(RUNS[0], 5, ended[0] if ended else "interrupted")]


def test_an_outage_that_was_over_at_the_begin_of_a_run_is_no_reason(bench: AgendaBench) -> None:
    bench.ended = ("camera_hung", "The camera process hung.")
    bench.start_process()
    bench.go_on_until(HOUR - 10)
    bench.clock.go_on(200)
    bench.due()
    assert bench.gaps() == [(RUNS[0], 3, "overrun")]


def test_a_run_that_had_no_process_at_all_is_accounted_for(bench: AgendaBench) -> None:
    bench.clock.go_on(1.5 * HOUR)
    bench.start_process()
    bench.due()
    assert bench.states() == [(RUNS[0], "running"), (RUNS[0], "finished")]
    assert bench.gaps() == [(RUNS[0], 10, "interrupted")]


def test_a_run_that_was_stopped_does_not_begin_again(bench: AgendaBench) -> None:
    bench.go_on_until(HOUR + 60)
    bench.apply_desired("stopped", revision=2, session=RUNS[0])
    bench.ingest()
    bench.start_process()
    bench.go_on_until(HOUR + 300)
    assert bench.states() == []


def test_a_run_that_is_planned_again_under_the_same_id_does_not_begin_twice(bench: AgendaBench) -> None:
    bench.go_on_until(HOUR + 60)
    bench.apply_desired("stopped", revision=2, session=RUNS[0])
    bench.ingest()
    bench.replace(run(0, HOUR, HOUR + 1200), run(1, 2 * HOUR, 2 * HOUR + 600))
    bench.go_on_until(HOUR + 300)
    assert bench.states() == []


def test_the_file_forgets_runs_that_the_agenda_no_longer_has(bench: AgendaBench) -> None:
    bench.go_on_until(HOUR + 60)
    bench.replace(run(1, 2 * HOUR, 2 * HOUR + 600))
    assert bench.spool.read(NAME)["begun"] == []


def test_an_agenda_that_could_not_be_stored_is_stored_in_the_next_round(bench: AgendaBench) -> None:
    with bench.failing("replace"), pytest.raises(OSError, match="Input/output error"):
        bench.replace(run(2, 3 * HOUR, 3 * HOUR + 600))
    bench.due()
    assert content(AgendaFile.load(bench.spool).agenda) == {RUNS[2]}


def test_a_run_goes_on_that_the_database_does_not_know_yet_and_asks_for_another_session(bench: AgendaBench) -> None:
    bench.go_on_until(HOUR + 60)
    other: Any = {"id": id_of(999), "name": "", "revision": 1, "desired": "running", "created_by": "", "so_far": {}}
    desired: Any = {**other, "programme": {"exposure_us": 1000, "cadence_s": 60.0}}
    resumption = SessionResumption(bench.runner, bench.agenda, Reporter(bench.link), desired)
    resumption.resume(bench.spool, None, None)
    assert bench.states() == [(RUNS[0], "running")]


def test_a_kill_between_the_begin_of_a_run_and_its_mark_begins_it_once(bench: AgendaBench) -> None:
    before = bench.spool.read(NAME)
    bench.go_on_until(HOUR + 60)
    bench.spool.replace(NAME, before)
    bench.start_process()
    bench.go_on_until(HOUR + 120)
    assert bench.states() == [(RUNS[0], "running")]
    assert bench.spool.read(NAME)["begun"] == [RUNS[0]]


def test_a_run_waits_for_the_session_that_holds_the_camera(bench: AgendaBench) -> None:
    bench.programme = {"cadence_s": 60.0}
    bench.apply_desired()
    bench.go_on_until(HOUR + 300)
    bench.apply_desired("stopped", revision=2)
    bench.go_on_until(HOUR + 320)
    assert bench.gaps() == [(RUNS[0], 5, "camera_held")]


def test_of_a_session_and_a_lease_of_another_user_the_lease_is_taken_over(tmp_path: Path) -> None:
    bench = AgendaBench(tmp_path, run(0, HOUR, HOUR + 600, on_held="take_over"))
    bench.apply_desired()
    bench.hold("anna", 3 * HOUR)
    bench.go_on_until(HOUR + 60)
    [*_, stopped, begun] = bench.records("session")
    assert (stopped["state"], stopped["reason"]) == ("stopped", "camera_held")
    assert begun["description"]["taken_from"] == "anna"


def test_a_run_that_takes_over_stops_the_session_that_holds_the_camera(tmp_path: Path) -> None:
    bench = AgendaBench(tmp_path, run(0, HOUR, HOUR + 600, on_held="take_over"))
    bench.programme = {"cadence_s": 60.0}
    bench.apply_desired()
    bench.go_on_until(HOUR + 60)
    assert bench.states() == [(SESSION, "running"), (SESSION, "stopped"), (RUNS[0], "running")]
    stopped, begun = bench.records("session")[1:]
    assert (stopped["reason"], stopped["message"]) == ("camera_held", "The planned run run 0 took the camera over.")
    assert begun["description"]["taken_from"] == "the station"
    assert bench.gaps() == []


def test_a_run_that_is_over_takes_no_camera_and_is_accounted_for_once_it_is_free(tmp_path: Path) -> None:
    bench = AgendaBench(tmp_path, run(0, HOUR, HOUR + 600, on_held="take_over"))
    bench.clock.go_on(3 * HOUR)
    bench.start_process()
    bench.programme = {"cadence_s": 60.0, "count": 3}
    bench.apply_desired()
    bench.go_on_until(4 * HOUR)
    assert bench.states() == [
        (SESSION, "running"), (SESSION, "finished"), (RUNS[0], "running"), (RUNS[0], "finished"),
    ]  # fmt: skip
    assert bench.gaps() == [(RUNS[0], 10, "interrupted")]


def test_the_end_of_a_session_that_could_not_be_sent_is_sent_before_the_begin_of_the_run(tmp_path: Path) -> None:
    bench = AgendaBench(tmp_path, run(0, HOUR, HOUR + 600, on_held="take_over"))
    bench.programme = {"cadence_s": 60.0}
    bench.apply_desired()
    bench.go_on_until(HOUR - 1)
    bench.clock.go_on(1)
    with bench.failing("commit"), pytest.raises(OSError, match="Input/output error"):
        bench.due()
    bench.due()
    assert bench.states() == [(SESSION, "running"), (SESSION, "stopped"), (RUNS[0], "running")]
    assert bench.records("session")[-1]["description"]["taken_from"] == "the station"


def test_a_run_that_takes_over_lets_the_open_capture_of_a_session_end(tmp_path: Path) -> None:
    bench = AgendaBench(tmp_path, run(0, 4, 600, on_held="take_over"))
    bench.programme = {"cadence_s": 60.0}
    bench.apply_desired()
    plan = bench.plan()
    bench.clock.go_on(5)
    assert bench.due() is None
    bench.settle(plan, took_s=1)
    bench.due()
    stopped = bench.records("session")[1]
    assert (stopped["state"], stopped["saved"]) == ("stopped", 1)


def test_a_run_that_takes_over_does_not_queue_behind_one_that_waits(tmp_path: Path) -> None:
    waits, takes_over = run(0, HOUR, HOUR + 600), run(1, 2 * HOUR, 2 * HOUR + 600, on_held="take_over")
    bench = AgendaBench(tmp_path, waits, takes_over)
    bench.programme = {"cadence_s": 60.0}
    bench.apply_desired()
    bench.go_on_until(3 * HOUR)
    assert bench.states()[1:4] == [(SESSION, "stopped"), (RUNS[1], "running"), (RUNS[1], "finished")]
    assert bench.gaps() == [(RUNS[0], 10, "camera_held")]


def test_a_run_waits_for_the_end_of_a_lease(bench: AgendaBench) -> None:
    bench.hold("anna", HOUR + 300)
    bench.go_on_until(HOUR + 320)
    assert bench.gaps() == [(RUNS[0], 5, "camera_held")]
    assert bench.records("gap")[0]["message"] == "anna held the camera."


def test_a_lease_ends_when_it_does_in_the_database_although_the_wall_clock_of_the_machine_is_set(
    bench: AgendaBench,
) -> None:
    bench.hold("anna", HOUR + 300)
    bench.clock.kernel_says = "synchronised"
    bench.clock.set_wall(-600)
    bench.go_on_until(HOUR + 320)
    assert bench.gaps() == []


def test_a_holder_for_whom_another_run_waited_is_no_reason(bench: AgendaBench) -> None:
    bench.hold("anna", HOUR + 300)
    bench.go_on_until(HOUR + 60)
    bench.replace(run(1, 2 * HOUR, 2 * HOUR + 600))
    bench.go_on_until(2 * HOUR - 10)
    bench.clock.go_on(200)
    bench.due()
    assert bench.gaps() == [(RUNS[1], 3, "overrun")]


def test_a_run_whose_first_record_cannot_be_sent_at_once_keeps_the_reason_of_its_gap(bench: AgendaBench) -> None:
    bench.hold("anna", HOUR + 300)
    bench.go_on_until(HOUR + 299)
    bench.clock.go_on(5)
    with bench.failing("commit"), pytest.raises(OSError, match="Input/output error"):
        bench.due()
    bench.due()
    assert bench.gaps() == [(RUNS[0], 5, "camera_held")]


def test_a_run_begins_once_a_lease_is_released(bench: AgendaBench) -> None:
    bench.hold("anna", 2 * HOUR)
    bench.go_on_until(HOUR + 120)
    bench.holders.replace_lease(None)
    bench.go_on_until(HOUR + 140)
    assert bench.gaps() == [(RUNS[0], 2, "camera_held")]


def test_a_run_that_takes_over_does_not_wait_for_a_lease(tmp_path: Path) -> None:
    bench = AgendaBench(tmp_path, run(0, HOUR, HOUR + 600, on_held="take_over"))
    bench.hold("anna", 2 * HOUR)
    bench.go_on_until(HOUR + 60)
    assert bench.gaps() == []
    assert bench.records("session")[0]["description"]["taken_from"] == "anna"


def test_the_lease_of_the_user_who_planned_a_run_does_not_hold_it_up(bench: AgendaBench) -> None:
    bench.hold("the planner", 2 * HOUR)
    bench.go_on_until(HOUR + 60)
    assert bench.states() == [(RUNS[0], "running")]
    assert "taken_from" not in bench.records("session")[0]["description"]


@pytest.mark.parametrize("damage", [{"programme": "unknown"}, {"windows": []}, {"windows": [["dusk", "dawn"]]}])
def test_a_run_that_cannot_begin_is_reported_and_does_not_cost_the_others(
    bench: AgendaBench, damage: dict[str, object]
) -> None:
    agenda = build_agenda([run(0, HOUR, HOUR + 600), run(1, 2 * HOUR, 2 * HOUR + 600)])
    agenda["runs"][0].update(damage)  # type: ignore[typeddict-item]
    bench.agenda.replace(agenda)
    bench.go_on_until(2 * HOUR + 60)
    assert bench.states() == [(RUNS[1], "running")]
    (event,) = [one for one in bench.link.messages if one["type"] == "log"]
    assert event["message"].startswith("A planned run cannot begin: ")


def test_a_run_that_is_removed_from_the_plan_does_not_begin(bench: AgendaBench) -> None:
    bench.replace(run(1, 2 * HOUR, 2 * HOUR + 600))
    bench.go_on_until(1.5 * HOUR)
    assert bench.states() == []


def test_after_a_start_of_the_machine_a_run_waits_for_the_clock(bench: AgendaBench) -> None:
    bench.clock.kernel_says, bench.clock_wait_s = "unsynchronised", 120.0
    bench.clock.reboot(off_s=HOUR)
    bench.start_process()
    assert bench.due() is None
    bench.clock.kernel_says = "synchronised"
    assert bench.next().index == 0


def test_a_run_waits_for_the_clock_also_when_the_supervisor_sends_the_agenda(bench: AgendaBench) -> None:
    bench.clock.kernel_says, bench.clock_wait_s = "unsynchronised", 120.0
    bench.clock.reboot(off_s=HOUR)
    bench.desired = build_agenda([run(0, HOUR, HOUR + 600)])
    bench.start_process()
    assert bench.due() is None
    bench.replace(run(0, HOUR, HOUR + 600), run(1, 2 * HOUR, 2 * HOUR + 600))
    assert bench.due() is None
    bench.clock.kernel_says = "synchronised"
    assert bench.next().index == 0


def test_a_clock_that_is_never_synchronised_delays_a_run_by_a_limited_time(bench: AgendaBench) -> None:
    bench.clock.kernel_says, bench.clock_wait_s = "unsynchronised", 120.0
    bench.clock.reboot(off_s=HOUR)
    bench.start_process()
    bench.due()
    bench.clock.go_on(121)
    assert bench.next().index == 2
    assert bench.gaps() == [(RUNS[0], 2, "clock")]


def test_a_full_disk_does_not_prevent_the_begin_of_a_run(tmp_path: Path) -> None:
    disk = SmallDisk(tmp_path)
    try:
        bench = AgendaBench(disk.path, *runs_each_ten_minutes())
        bench.spool.refill_slots()
        disk.fill()
        bench.due()
        assert bench.spool.read(NAME)["begun"] == [FIRST]
        assert bench.states() == [(FIRST, "running")]
    finally:
        disk.close()


def test_a_damaged_agenda_is_moved_aside_and_reported(bench: AgendaBench) -> None:
    bench.spool.replace(NAME, {"programmes": {}, "begun": [], "boot": ""})
    bench.start_process()
    assert bench.due() is None
    assert [message["kind"] for message in bench.link.messages] == ["spool.rejected"]


def test_the_state_of_the_process_names_the_next_run(bench: AgendaBench) -> None:
    assert bench.agenda.status == {"runs": 2, "next_run": RUNS[0], "next_at": iso(EVENING + HOUR)}
    bench.go_on_until(HOUR + 60)
    assert bench.agenda.status == {"runs": 2, "next_run": RUNS[1], "next_at": iso(EVENING + 2 * HOUR)}


def long_programme(number: int) -> Programme:
    return Programme(
        kind="bracket", exposures_us=[3_600_000_000] * 50, cadence_s=float(number), iso=1600, f_number=1.4,
    )  # fmt: skip


def runs_each_ten_minutes() -> list[Run]:
    """An agenda that fits into a large slot only."""
    return [replace(run(0, 600.0 * number, 600.0 * number + 60), id=id_of(number)) for number in range(288)]


def id_of(number: int) -> str:
    return f"0193a000-0000-7000-8000-{number:012}"


FIRST = id_of(0)


def runs_of_48_hours(every_s: int, *, different: bool) -> list[Run]:
    times = [(number, EVENING + number * every_s) for number in range(48 * 3600 // every_s)]
    return [
        Run(
            id=RUNS[0],
            name="n" * 120,
            programme=long_programme(number if different else 0),
            windows=[(iso(at), iso(at + every_s))],
            created_by="someone@observatory.example",
        )
        for number, at in times
    ]


def test_48_hours_with_a_run_each_ten_minutes_fit() -> None:
    assert len(build_agenda(runs_of_48_hours(600, different=False))["runs"]) == 288


@pytest.mark.parametrize("different", [False, True])
def test_the_longest_agenda_fits_into_its_slot_and_twice_into_the_link(different: bool) -> None:
    agenda = build_agenda(runs_of_48_hours(60, different=different))
    stored = {**agenda, "begun": [planned["id"] for planned in agenda["runs"]], "boot": RUNS[0]}
    message = {"type": "configure", "agenda": agenda, "command_id": RUNS[0]}
    assert len(agenda["runs"]) > 90
    assert len(json.dumps(stored)) < AGENDA_BYTES + 1000 < LARGE_SLOT_BYTES
    assert 2 * len(json.dumps(message)) < LINK_BYTES


def test_runs_that_do_not_fit_are_left_out_from_the_last() -> None:
    runs = [run(number, HOUR * number, HOUR * number + 600) for number in range(10)]
    kept = build_agenda(runs, most_bytes=1500)["runs"]
    assert [planned["id"] for planned in kept] == RUNS[: len(kept)]
    assert 0 < len(kept) < 10


STEP_S = 10.0
"""Ten times as rare as in a camera process: that is enough, and takes a tenth of the time."""
operations = st.lists(
    st.one_of(
        st.tuples(st.just("time"), st.integers(1, 3000)),
        st.tuples(st.just("kill"), st.integers(0, 900)),
        st.tuples(st.just("plan"), st.sets(st.integers(0, 9))),
    ),
    max_size=8,
)


@examples(25)
@given(operations=operations)
def test_each_run_begins_at_most_once_whatever_happens(operations: list[tuple[str, object]]) -> None:
    plan = [run(number, 900.0 * number, 900.0 * number + 600, cadence_s=300.0) for number in range(10)]
    with tempfile.TemporaryDirectory(dir=memory()) as folder:
        bench = AgendaBench(Path(folder), *plan)
        dropped = perform(bench, plan, operations)
        bench.go_on_until(10_000, STEP_S)
        begun = [session for session, state in bench.states() if state == "running"]
        ended = [record for record in bench.records("session") if record["state"] == "finished"]
    assert len(begun) == len(set(begun))
    assert {one.id for one in plan} - dropped <= set(begun)
    assert {record["session"]: record["planned"] for record in ended} == dict.fromkeys(begun, 2)


def perform(bench: AgendaBench, plan: list[Run], operations: list[tuple[str, object]]) -> set[str]:
    """Returns the runs that were not in every plan."""
    dropped = set[str]()
    for name, value in operations:
        if name == "time":
            bench.go_on_until(bench.clock.wall - EVENING + value, STEP_S)  # type: ignore[operator]
        elif name == "kill":
            bench.clock.go_on(value)  # type: ignore[arg-type]
            bench.start_process()
        else:
            kept = [one for number, one in enumerate(plan) if number in value]  # type: ignore[operator]
            dropped |= {one.id for one in plan} - {one.id for one in kept}
            bench.replace(*kept)
    return dropped


def test_the_content_of_the_file_is_the_agenda(bench: AgendaBench) -> None:
    stored = AgendaFile.load(bench.spool)
    assert content(stored.agenda) == {RUNS[0], RUNS[1]}
    assert stored.begun == set()
