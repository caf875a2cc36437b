"""A night that the camera process runs: its choices, its kills, and the files of the C scheduler."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from cameras.spool.spool import Spool
from scheduler.telescope.driver.layouts import read_record
from scheduler.telescope.night.field_file import parse_field_file
from scheduler.telescope.night.field_lists import EarlierObservation, FieldListContent, list_file_name, write_list
from scheduler.telescope.night.night_plan import PlanOptions, plan_night
from scheduler.telescope.night.sky import time_of
from tests.harness.camera_processes.sessions import CAMERA, SESSION
from tests.harness.camera_processes.telescope_night import EVENING, READOUT_S, SITE, NightBench, Observation

pytestmark = pytest.mark.slow

NINE_FIELDS = """\
FILTER rgzz
0 -1 N 60 0 2 0 # dark
0 0 E 10 0 2 0 # flat
0 0 F 10 0 3 0 0.05 27.95 # focus
6.00 -30 Y 100 3600 2 1 # first of the pair
6.04 -30 Y 100 3600 2 1 # second of the pair
4.00 -40 Y 200 7200 2 3 # must be done
2.00 60 Y 100 0 1 0 # never rises
1.00 -25 Y 100 0 1 0 # sets early
"""
ADDED = "3.00 -20 Y 300 0 1 4 # an alert\n"
REQUIRED = {
    "dark": 2, "flat": 2, "focus": 3, "first of the pair": 2, "second of the pair": 2, "must be done": 2,
    "sets early": 1,
}  # fmt: skip


@pytest.fixture
def night(tmp_path: Path) -> NightBench:
    return NightBench(tmp_path, NINE_FIELDS)


class WholeNight(NamedTuple):
    bench: NightBench
    observed: list[Observation]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> WholeNight:
    """A night in which nothing happens; tests only read it."""
    bench = NightBench(tmp_path_factory.mktemp("whole"), NINE_FIELDS)
    return WholeNight(bench, bench.observe_all())


def names(observations: list[Observation]) -> list[str]:
    return [one.name for one in observations]


def kill(night: NightBench) -> None:
    """The camera process is killed, and the next one recovers its spool."""
    night.clock.go_on(2.0)
    night.start_process()


def test_a_night_takes_the_fields_in_the_order_of_its_plan(whole: WholeNight) -> None:
    observed = whole.observed
    options = PlanOptions(readout_s=READOUT_S, transfer_s=0.0, slew_s=0.0, focus_s=0.0)
    plan = plan_night(parse_field_file(NINE_FIELDS).fields, SITE, EVENING, options=options)
    assert names(observed) == [one.field.comment.strip() for one in plan.observations]
    # The plan looks each ten seconds from sunset on, the night from its begin on.
    planned = [time_of(one.jd) for one in plan.observations]
    seconds = [one.hour * 3600 + one.minute * 60 + one.second for one in planned]
    at = [[int(part) for part in one.at.split(":")] for one in observed]
    assert [abs(a[0] * 3600 + a[1] * 60 + a[2] - b) <= 60 for a, b in zip(at, seconds, strict=True)] == [True] * len(at)


def test_a_night_whose_fields_are_observed_ends_at_sunrise(whole: WholeNight) -> None:
    report = whole.bench.last_report
    assert Counter(names(whole.observed)) == REQUIRED
    assert report["state"] == "finished"
    assert report["planned"] == report["saved"] == len(whole.observed)


def test_a_field_that_is_added_after_the_others_are_observed_is_observed(night: NightBench) -> None:
    observed = [night.observe() for _ in range(sum(REQUIRED.values()))]
    assert Counter(one.name for one in observed if one) == REQUIRED
    night.change_list(NINE_FIELDS, "0 0 N 60 0 1 0 # added late")
    late = night.observe()
    assert late is not None
    assert late.name == "added late"


def test_a_night_ends_at_sunrise(tmp_path: Path) -> None:
    night = NightBench(tmp_path, "0 0 N 900 0 100 0 # dark\n6 -30 Y 300 0 100 1 # sky\n")
    observed = night.observe_all()
    assert night.last_report["state"] == "finished"
    assert len(observed) > 20


def test_an_exposure_asks_for_what_the_field_says(night: NightBench) -> None:
    names_before = [one.name for one in (night.observe() for _ in range(7)) if one]
    assert names_before[-1] == "focus"
    assert night.wait_for_start()
    plan = night.plan()
    options = plan["asked"]["options"]
    assert (plan["asked"]["exposure_us"], options["comment"]) == (100_000_000, "sets early")
    assert (options["image_type"], options["sequence"], options["filter"], options["mode"]) == (
        "sky",
        1,
        "rgzz",
        "overlap",
    )
    assert options["root"].endswith("s")
    assert (round(options["ra"], 1), round(options["dec"], 1)) == (1.0, -24.9)


def test_the_focus_steps_through_its_range(night: NightBench) -> None:
    asked = []
    for _ in range(8):
        assert night.wait_for_start()
        plan = night.plan()
        asked.append(plan["asked"]["options"])
        night.record(night.expose_planned(plan))
    assert [one["focus"] for one in asked if one["image_type"] == "focus"] == [27.9, 27.95, 28.0]


def test_the_camera_is_cleared_after_a_pause(night: NightBench) -> None:
    cleared = []
    for _ in range(4):
        assert night.wait_for_start()
        plan = night.plan()
        cleared.append((plan["asked"]["options"]["comment"], plan["asked"]["options"]["clear"]))
        night.record(night.expose_planned(plan))
    assert cleared == [("dark", True), ("dark", False), ("flat", True), ("flat", False)]


def test_each_observation_has_a_record_of_its_own(whole: WholeNight) -> None:
    records = whole.bench.records("observation")
    assert len(records) == sum(REQUIRED.values())
    first = records[0]
    assert (first["number"], first["ha_h"], first["airmass"], first["field_key"]) == (
        1,
        None,
        None,
        "d 0.000000 -1.000000 1",
    )
    sky = records[7]
    assert (sky["reason"][:24], sky["exposure_s"]) == ("It has the fewest left, ", 100.0)
    assert 1.0 < sky["airmass"] < 2.0


# Changes during the night


def observe_until(night: NightBench, hour: str) -> list[Observation]:
    found = []
    while (one := night.observe()) is not None:
        found.append(one)
        if one.at >= hour and one.at < "12":
            break
    return found


def test_a_field_that_is_added_during_the_night_is_observed(night: NightBench) -> None:
    before = observe_until(night, "01:")
    night.change_list(NINE_FIELDS, ADDED)
    after = night.observe_all()
    assert "an alert" not in names(before)
    assert Counter(names(before) + names(after)) == REQUIRED | {"an alert": 1}


def test_an_add_file_of_the_machine_is_picked_up(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    added = tmp_path / "tonight.add"
    night = NightBench(tmp_path / "root", NINE_FIELDS, add_file=str(added))
    observe_until(night, "01:")
    added.write_text(ADDED)
    night.clock.go_on(10)
    observe_until(night, "02:")
    # A file that is gone takes nothing back.
    added.unlink()
    kill(night)
    names_left = names(night.observe_all())
    assert night.records("observation")[-1]
    records = Counter(one["field_key"] for one in night.records("observation"))
    assert records["+s 3.000000 -20.000000 1"] == 1
    assert "an alert" not in names_left


def test_an_add_file_that_is_a_pipe_delays_no_choice(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    os.mkfifo(tmp_path / "tonight.add")
    night = NightBench(tmp_path / "root", NINE_FIELDS, add_file=str(tmp_path / "tonight.add"))
    assert names([one for one in (night.observe(),) if one]) == ["dark"]


def test_an_add_file_in_latin_1_is_read_and_the_log_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "root").mkdir()
    added = tmp_path / "tonight.add"
    added.write_bytes(f"{ADDED.strip()} é".encode("latin-1"))
    night = NightBench(tmp_path / "root", NINE_FIELDS, add_file=str(added))
    assert "an alert é" in names(night.observe_all())
    said = [record.getMessage() for record in caplog.records if "Latin-1" in record.getMessage()]
    assert said == [f"{added} is not UTF-8 and was read as Latin-1. Check its comments."]


def test_an_edited_field_keeps_what_was_observed_of_it(night: NightBench) -> None:
    observe_until(night, "01:")
    night.change_list(NINE_FIELDS.replace("4.00 -40 Y 200 7200 2 3", "4.00 -40 Y 200 1800 3 3"))
    night.observe_all()
    numbers = [one["number"] for one in night.records("observation") if one["field_key"].startswith("s 4.0")]
    assert numbers == [1, 2, 3]


def test_a_list_that_has_not_arrived_is_waited_for(night: NightBench) -> None:
    night.spool.files.unlink(night.spool.folder, "telescope-0193a000-0000-7000-8000-000000000003.fields")
    night.clock.go_on(120)
    due, session = night.next(), night.runner.describe_session()
    assert due.in_s == 2.0
    assert session is not None
    # A picture is expected, so that an alert follows.
    assert (session["waits"], session["interval_s"]) == ("The field list has not arrived from the station yet.", 300.0)
    night.change_list(NINE_FIELDS)
    assert night.observe() is not None


def test_a_night_in_which_no_field_is_up_says_so_and_expects_no_picture(tmp_path: Path) -> None:
    night = NightBench(tmp_path, "12.0 -25 Y 100 0 1 0 # rises late\n")
    night.clock.go_on(3600)
    night.next()
    session = night.runner.describe_session()
    assert session is not None
    assert session["waits"] == "No field can be observed now; the next is field 0 (rises late) at 08:24 UTC."
    assert session["interval_s"] is None


def test_the_next_start_is_not_known_before_it_is_chosen(night: NightBench) -> None:
    assert night.wait_for_start()
    assert night.next().following is None
    night.observe()
    assert "following" not in night.records("capture")[-1]


# A night in more than one session


def session_after(night: NightBench, folder: Path, text: str = NINE_FIELDS) -> NightBench:
    """A new session at the same time, in another spool: its list says what the first has observed."""
    folder.mkdir()
    second = NightBench(folder, text)
    observed = [
        EarlierObservation(
            field=one["field_key"], jd=one["jd"], selection=one["selection"], interval_h=one["interval_h"]
        )
        for one in night.records("observation")
    ]
    second.change_list(text, observed=observed)
    second.clock.go_on(night.clock.wall - second.clock.wall)
    return second


@pytest.mark.parametrize("hour", ["00:", "00:3", "01:", "04:"])
def test_a_session_continues_the_night_of_an_earlier_one(
    night: NightBench, whole: WholeNight, tmp_path: Path, hour: str
) -> None:
    first = observe_until(night, hour)
    second = session_after(night, tmp_path / "second")
    assert names(first + second.observe_all()) == names(whole.observed)
    numbers = Counter((one["field_key"], one["number"]) for one in night.records("observation"))
    numbers += Counter((one["field_key"], one["number"]) for one in second.records("observation"))
    assert max(numbers.values()) == 1


def test_a_session_that_continues_a_night_is_killed(night: NightBench, tmp_path: Path) -> None:
    first = observe_until(night, "01:")
    second = session_after(night, tmp_path / "second")
    rest = []
    while (one := second.observe()) is not None:
        rest.append(one)
        kill(second)
    assert Counter(names(first + rest)) == REQUIRED


BETWEEN, SECOND = "0193a000-0000-7000-8000-000000000004", "0193a000-0000-7000-8000-000000000005"


def start_second(night: NightBench, list_id: str = "", restarted_by: str = "") -> None:
    """A second session of the same camera, whose list says nothing of the first."""
    night.apply_desired("stopped", revision=2)
    found = FieldListContent(
        list_id or night.programme["telescope"]["field_list"], "tonight", 1, NINE_FIELDS, "", restarted_by=restarted_by
    )
    write_list(Spool(night.files, CAMERA), SECOND, found)
    night.apply_desired(session=SECOND)


def waits(night: NightBench) -> str:
    night.due()
    session = night.runner.describe_session()
    assert session is not None
    return session["waits"]


def expects_a_picture(night: NightBench) -> bool:
    session = night.runner.describe_session()
    assert session is not None
    return session["interval_s"] is not None


def test_a_session_waits_for_the_image_of_the_one_before_and_counts_it(night: NightBench) -> None:
    first = names([one for one in (night.observe() for _ in range(5)) if one])
    assert night.wait_for_start()
    exposed = night.expose_planned(night.plan())
    start_second(night)
    assert waits(night) == "The image of an earlier session is not saved yet."
    assert expects_a_picture(night), "an alert follows if it never comes"
    last = night.record(exposed)
    night.clock.go_on(3)
    rest = names(night.observe_all())
    assert Counter([*first, last.name, *rest]) == REQUIRED


def test_damaged_files_of_an_earlier_session_prevent_no_night(night: NightBench) -> None:
    night.observe()
    start_second(night)
    for name in (list_file_name(SESSION), "0193a000-0000-7000-8000-000000000009.plan"):
        night.spool.files.unlink(night.spool.folder, name)
        night.spool.files.create(night.spool.folder, name, [b"rubbish"])
    assert Counter(names(night.observe_all())) == REQUIRED


def test_a_session_of_another_list_takes_nothing_over(night: NightBench) -> None:
    night.observe()
    start_second(night, "0193a000-0000-7000-8000-00000000000e")
    assert Counter(names(night.observe_all())) == REQUIRED


@pytest.mark.parametrize(("restarted_by", "is_repeated"), [(SESSION, False), (BETWEEN, True)])
def test_a_field_is_observed_again_after_another_camera_has_started_the_list_over(
    night: NightBench, restarted_by: str, is_repeated: bool
) -> None:
    first = observe_until(night, "01:")
    start_second(night, restarted_by=restarted_by)
    observed = Counter(names([*first, *night.observe_all()]))
    assert bool(observed - Counter(REQUIRED)) is is_repeated


def test_what_was_observed_of_a_field_that_is_gone_counts_for_nothing(night: NightBench, tmp_path: Path) -> None:
    observe_until(night, "01:")
    second = session_after(night, tmp_path / "second", "3.00 -20 Y 300 0 1 4 # another one")
    assert names(second.observe_all()) == ["another one"]


def test_a_list_with_an_observation_that_cannot_be_waits_with_the_reason(tmp_path: Path) -> None:
    night = NightBench(tmp_path, NINE_FIELDS)
    wrong = EarlierObservation(field="d 0.000000 -1.000000 1", jd=night.night.sunset, selection=77, interval_h=0.0)
    night.change_list(NINE_FIELDS, observed=[wrong])
    night.clock.go_on(120)
    night.next()
    session = night.runner.describe_session()
    assert session is not None
    assert session["waits"] == "The field list cannot be read: 77 is not a valid SelectionCode"


# Weather and failures


def test_bad_weather_leaves_darks_and_nothing_else(night: NightBench) -> None:
    night.bad_weather = True
    assert names([one for one in (night.observe(), night.observe()) if one]) == ["dark", "dark"]
    night.clock.go_on(2 * 3600)
    assert night.runner.waits_for_weather()
    assert night.next().in_s == 10.0
    night.bad_weather = False
    assert night.observe() is not None


def test_a_field_whose_exposures_fail_is_given_up_after_three(night: NightBench) -> None:
    failing = [night.observe("failed") for _ in range(3)]
    assert names([one for one in failing if one]) == ["dark"] * 3
    rest = night.observe_all()
    assert Counter(names(rest)) == {name: count for name, count in REQUIRED.items() if name != "dark"}


def test_a_failed_exposure_is_repeated(night: NightBench) -> None:
    night.observe("failed")
    assert Counter(names(night.observe_all())) == REQUIRED


# Kills


def test_a_night_goes_on_after_kills_between_all_observations(night: NightBench, whole: WholeNight) -> None:
    found = []
    while (one := night.observe()) is not None:
        found.append(one)
        kill(night)
    assert names(found) == names(whole.observed)


def kill_after_plan(night: NightBench) -> None:
    night.plan()
    kill(night)


def kill_after_record(night: NightBench) -> None:
    """The record is durable, and nothing has counted it."""
    from cameras.spool.recovery import failed_record
    from tests.harness.camera_processes.sessions import ROOT

    exposed = night.expose_planned(night.plan())
    night.spool.commit(failed_record(exposed.plan, ROOT, "", "", "saved", now=night.clock.wall))
    kill(night)


def kill_after_count(night: NightBench) -> None:
    """The night has counted it, and the session has not."""
    from cameras.spool.recovery import failed_record, settle_observation
    from tests.harness.camera_processes.sessions import ROOT

    exposed = night.expose_planned(night.plan())
    record = failed_record(exposed.plan, ROOT, "", "", "saved", now=night.clock.wall)
    night.spool.commit(record)
    settle_observation(night.spool, record)
    kill(night)


@pytest.mark.parametrize("killing", [kill_after_plan, kill_after_record, kill_after_count])
def test_no_field_is_observed_twice_that_a_record_says_is_done(
    night: NightBench, killing: Callable[[NightBench], None]
) -> None:
    while night.wait_for_start():
        killing(night)
        if night.wait_for_start():
            night.observe()
    observed = Counter((one["field_key"], one["number"]) for one in night.records("observation"))
    assert max(observed.values()) == 1
    fields = Counter(key for key, _ in observed)
    assert sum(fields.values()) == sum(REQUIRED.values())
    assert night.last_report["planned"] == night.last_report["saved"] + night.last_report["failed"]


def test_a_kill_after_all_is_observed_is_no_gap(night: NightBench) -> None:
    """Nothing was missed: there was nothing to choose."""
    for _ in range(sum(REQUIRED.values())):
        night.observe()
    kill(night)
    assert night.due().in_s > 0
    assert night.records("gap") == []
    night.change_list(NINE_FIELDS, "0 0 N 60 0 1 0 # added late")
    # The next look at the list.
    night.clock.go_on(20.0)
    late = night.observe()
    assert (late and late.name, night.records("gap")) == ("added late", [])


def test_a_kill_while_a_field_could_be_observed_is_a_gap_without_a_number(night: NightBench) -> None:
    night.observe()
    kill(night)
    night.due()
    (gap,) = night.records("gap")
    assert (gap["count"], gap["first_index"], gap["reason"]) == (0, 1, "interrupted")


def test_a_kill_until_a_field_has_set_is_a_gap(tmp_path: Path) -> None:
    night = NightBench(tmp_path, "0 0 N 60 0 1 0 # dark\n1.00 -25 Y 100 0 1 0 # sets early\n")
    night.observe()
    night.clock.go_on(8 * 3600.0)
    night.start_process()
    night.due()
    assert [gap["count"] for gap in night.records("gap")] == [0]


# The files of the C scheduler


def test_log_and_record_are_those_of_the_c_scheduler(whole: WholeNight) -> None:
    folder = whole.bench.records_folder()
    *lines, after_the_last = (folder / "log.obs").read_text().split("\n")
    assert len(lines) == len(whole.observed)
    assert lines[0].split()[2:5] == ["d", "1", "60.0"]
    assert lines[0].endswith("# dark 0 dark")
    # Each line of this list has a comment, which the C scheduler copies with the blank behind its line.
    assert {line.startswith(" " * 3) for line in lines[1:3]} == {True}
    assert after_the_last == " "
    record = read_record(folder / "scheduler.bin")
    assert [field.n_done for field in record.fields] == [2, 2, 3, 2, 2, 2, 0, 1]
    assert [len(field.filename) for field in record.fields] == [2, 2, 3, 2, 2, 2, 0, 1]
    assert record.fields[0].filename[0] == lines[0].split()[8]
    assert [field.script_line for field in record.fields] == [f"{line}\n " for line in NINE_FIELDS.splitlines()[1:]]
    # Flats and focus where the telescope pointed first, all others as the list has them.
    places = {field.field_number: f"{field.ra:.6f} {field.dec:.6f}" for field in record.fields}
    assert {int(line.split()[11]): " ".join(line.split()[:2]) for line in lines}.items() <= places.items()
    assert [places[number] for number in (0, 3, 4, 5)] == [
        "0.000000 -1.000000", "6.000000 -30.000000", "6.040000 -30.000000", "4.000000 -40.000000",
    ]  # fmt: skip
    assert "0.000000 0.000000" not in places.values()


def test_two_lines_that_are_the_same_have_records_of_their_own(tmp_path: Path) -> None:
    night = NightBench(tmp_path, "0 0 N 60 0 1 0 # dark\n0 0 N 60 0 1 0 # dark\n")
    night.observe_all()
    record = read_record(night.records_folder() / "scheduler.bin")
    assert [field.n_done for field in record.fields] == [1, 1]
    assert len({field.filename[0] for field in record.fields}) == 2


def test_kills_leave_no_line_twice_and_none_out(night: NightBench) -> None:
    while night.wait_for_start():
        kill_after_record(night)
    *lines, _ = (night.records_folder() / "log.obs").read_text().split("\n")
    assert len(set(lines)) == len(lines) == sum(REQUIRED.values())
    record = read_record(night.records_folder() / "scheduler.bin")
    assert sum(field.n_done for field in record.fields) == len(lines)
