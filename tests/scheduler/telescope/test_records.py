"""Lines of `log.obs` and fields of `scheduler.bin` for the observations of a night."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from core.sky.equatorial import Equatorial
from scheduler.telescope.driver.field import Field, FieldStatus, SelectionCode, SurveyCode
from scheduler.telescope.driver.layouts import pack_field
from scheduler.telescope.night.c_records import c_field, log_line
from scheduler.telescope.night.progress import NEVER, FieldState, after_observation
from tests.harness.astropy_sky import coordinates, ecliptic_by_astropy
from tests.scheduler.telescope.nights import NIGHT, at, state_at, states_at

SKY = "3.424352 -14.3 Y 60 1800 3 2"


C_LIST = (
    "0 -1 N 20 0 1 0",
    "0 0 E 10 0 2 0      # evening flats",
    "3.60 -30 Y 100 1800 2 1 # first of a pair",
    "3.64 -30 Y 100 1800 2 1",
    "4.00 -40 Y 200 3600 2 3      # must be done",
)
C_LOG = """\
  0.000000  -1.000000 d 1   20.0   0.000000 2461365.477264   0.005556 20261120232715d # dark 0
  2.242805   0.000000 e 1   10.0  -3.000000 2461365.498155   0.002778 20261120235720e # pmskyflat 1 evening flats
   3.600000 -30.000000 s 1  100.0  -3.923660 2461365.516268   0.027778 20261121002325s # sky 2 first of a pair
   3.640000 -30.000000 s 1  100.0  -3.855623 2461365.520782   0.027778 20261121002955s # sky 3
  4.000000 -40.000000 s 2  200.0  -3.313926 2461365.558456   0.055556 20261121012410s # sky 4 must be done
 """
"""As the C scheduler writes it for this list: it copies a comment with the end of its line and the blank that it puts
behind each line, so the line after a commented one begins with one more blank."""
EVENING_FLAT = Equatorial(2.242805, 0)
"""Where the telescope pointed for the first flat: 3 h east of the meridian."""


def c_states() -> list[FieldState]:
    """Of C_LIST after a first observation. Those of the sky have their places of the date."""
    states = states_at(NIGHT.sunset, *C_LIST)
    return [replace(state, place=EVENING_FLAT) if state.field.number == 1 else state for state in states]


def test_the_log_is_as_the_c_scheduler_writes_it() -> None:
    dark, flat, first, second, must_do = c_states()
    assert "".join([
        log_line(dark, 1, 20, 0, 2461365.477264, 20 / 3600, "20261120232715d"),
        log_line(flat, 1, 10, -3, 2461365.498155, 10 / 3600, "20261120235720e"),
        log_line(first, 1, 100, -3.92366, 2461365.516268, 100 / 3600, "20261121002325s"),
        log_line(second, 1, 100, -3.855623, 2461365.520782, 100 / 3600, "20261121002955s"),
        log_line(must_do, 2, 200, -3.313926, 2461365.558456, 200 / 3600, "20261121012410s"),
    ]) == C_LOG  # fmt: skip


def test_a_line_of_the_log_names_the_place_of_the_list_and_not_that_of_the_date() -> None:
    (state,) = states_at(NIGHT.sunset, "3.60 -30 Y 100 1800 2 1")
    assert state.place != Equatorial(3.6, -30)
    assert log_line(state, 1, 100, 0, 2461365.5, 0.1, "root").split()[:2] == ["3.600000", "-30.000000"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 0 N 60 0 1 0", " d 1 # dark"),
        ("0 0 Y 60 0 1 0", " s 1 # sky"),
        ("0 0 F 60 0 1 0 .05 27", " f 1 # focus"),
        ("0 0 P 60 0 1 0", " p 1 # offset"),
        ("0 0 E 60 0 1 0", " e 1 # pmskyflat"),
        ("0 0 M 60 0 1 0", " m 1 # amskyflat"),
        ("0 0 L 60 0 1 0", " l 1 # domeskyflat"),
    ],
)
def test_a_line_names_the_kind_of_its_field(line: str, words: str) -> None:
    columns = log_line(state_at(NIGHT.sunset, line), 1, 60, 0, 2461365.5, 0.1, "root").split()
    assert f" {' '.join(columns[2:4])} {' '.join(columns[9:11])}" == words


@pytest.mark.parametrize("line", C_LIST)
def test_the_record_has_a_line_with_the_newline_and_the_blank_that_the_c_scheduler_keeps(line: str) -> None:
    content = pack_field(c_field(state_at(NIGHT.sunset, line), NIGHT, NIGHT.begin))
    expected = f"{line}\n \0".encode()
    assert content[20 : 20 + len(expected)] == expected


@pytest.mark.parametrize(
    ("number", "place"), [(0, (0, -1)), (1, (2.242805, 0)), (2, (3.6, -30)), (3, (3.64, -30)), (4, (4, -40))]
)
def test_the_record_has_the_place_of_the_line_and_of_a_flat_the_pointing(
    number: int, place: tuple[float, float]
) -> None:
    content = pack_field(c_field(c_states()[number], NIGHT, NIGHT.begin))
    assert struct.unpack("<dd", content[1048:1064]) == place


def test_a_focus_sequence_has_the_place_of_its_line_until_it_is_pointed() -> None:
    state = state_at(NIGHT.sunset, "5 6 F 10 0 3 0 0.05 27.95")
    pointed = after_observation(state, at("00:20"), Equatorial(0.63, 0))
    places = [(field.ra, field.dec) for field in (c_field(one, NIGHT, at("00:20")) for one in (state, pointed))]
    assert places == [(5, 6), (0.63, 0)]


def test_a_record_of_a_flat_keeps_the_ecliptic_and_galactic_coordinates_of_its_line() -> None:
    """0.375627 and 0.000317, 96.337545 and -60.188610 in the file of the C scheduler."""
    found = c_field(c_states()[1], NIGHT, NIGHT.begin)
    longitude = (found.ecl_long + 180) % 360 - 180
    assert (longitude, found.ecl_lat) == pytest.approx((0.375627, 0.000317), abs=0.01)
    assert (found.gal_long, found.gal_lat) == pytest.approx((96.337545, -60.188610), abs=0.001)


def test_a_field_of_the_record_is_in_the_units_of_the_c_code() -> None:
    line = f"{SKY} # QJ126C4"
    state = replace(state_at(at("20:00"), line), selection=SelectionCode.LEAST_TIME_READY)
    found = c_field(state, NIGHT, at("01:00"))
    assert found == Field(
        60 / 3600,
        1,
        status=FieldStatus.READY,
        doable=1,
        selection_code=SelectionCode.LEAST_TIME_READY,
        field_number=0,
        line_number=1,
        script_line=f"{line}\n ",
        ra=3.424352,
        dec=-14.3,
        gal_long=found.gal_long,
        gal_lat=found.gal_lat,
        ecl_long=found.ecl_long,
        ecl_lat=found.ecl_lat,
        epoch=found.epoch,
        interval=0.5,
        n_required=3,
        survey_code=SurveyCode.SNE,
        ut_rise=found.ut_rise,
        ut_set=found.ut_set,
        jd_rise=state.jd_rise,
        jd_set=state.jd_set,
        jd_next=state.jd_next,
        time_up=(state.jd_set - at("01:00")) * 24,
        time_required=1.5,
        time_left=(state.jd_set - at("01:00")) * 24 - 1.5,
    )


def test_a_record_has_galactic_coordinates_and_ecliptic_ones_of_the_date() -> None:
    """Ecliptic longitudes grow by 50.3 seconds of arc a year."""
    place = Equatorial(3.424352, -14.3)
    found = c_field(state_at(at("20:00"), SKY), NIGHT, at("01:00"))
    expected, (longitude, latitude) = coordinates(place).galactic, ecliptic_by_astropy(place)
    assert (found.gal_long, found.gal_lat) == pytest.approx((float(expected.l.deg), float(expected.b.deg)), abs=0.001)
    assert (found.ecl_long, found.ecl_lat) == pytest.approx((longitude + 26.89 * 50.3 / 3600, latitude), abs=0.02)
    assert found.epoch == pytest.approx(2026.89, abs=0.01)


def test_a_record_counts_the_hours_of_ut_on_from_the_begin_of_its_night() -> None:
    state = state_at(at("20:00"), "3 -30 Y 60 0 1 0")
    found = c_field(state, NIGHT, at("01:00"))
    assert found.ut_rise == pytest.approx((state.jd_rise - at("00:00")) * 24)
    assert found.ut_set == pytest.approx((state.jd_set - at("00:00")) * 24)


def test_a_record_of_an_alert_is_one_of_a_field_that_must_be_done() -> None:
    assert c_field(state_at(at("20:00"), "3 -30 Y 60 0 1 4"), NIGHT, at("01:00")).survey_code == SurveyCode.MUSTDO


def test_a_record_of_a_finished_field_is_not_doable() -> None:
    done = after_observation(state_at(at("20:00"), "3 -30 Y 60 0 1 0"), at("01:00"))
    found = c_field(done, NIGHT, at("01:02"))
    assert (found.doable, found.status, found.n_done, found.ut) == (0, FieldStatus.NOT_DOABLE, 0, [])


def test_a_record_of_a_field_that_never_rises_has_no_times() -> None:
    found = c_field(state_at(at("20:00"), "5 45 Y 60 0 1 0"), NIGHT, at("01:00"))
    assert (found.doable, found.jd_rise, found.jd_set, found.jd_next) == (0, NEVER, NEVER, NEVER)


def test_a_record_of_a_late_field_says_so() -> None:
    late = replace(state_at(at("20:00"), "3 -30 Y 60 0 3 0"), interval_h=3)
    assert c_field(late, NIGHT, at("03:00")).status == FieldStatus.TOO_LATE
