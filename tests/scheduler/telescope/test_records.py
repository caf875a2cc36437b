"""Lines of `log.obs` and fields of `scheduler.bin` for the observations of a night."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cameras.drivers.telescope.field import Field, FieldStatus, SelectionCode, SurveyCode
from core.sky.equatorial import Equatorial
from scheduler.telescope.progress import NEVER, after_observation
from scheduler.telescope.records import c_field, log_line
from tests.harness.astropy_sky import coordinates, ecliptic_by_astropy
from tests.scheduler.telescope.nights import NIGHT, at, listed, state_at

SKY = "3.424352 -14.3 Y 60 1800 3 2"


def test_a_line_of_the_log_has_the_columns_of_the_scheduler() -> None:
    (field,) = listed("8.35036 13.62647 Y 60.00 1800 3 0  # QJ126C4 0.51")
    line = log_line(
        field, Equatorial(8.35036, 13.62647), 2, 60, -1.25, 2461365.512345678, 60.5 / 3600, "20261121001730s"
    )
    assert line == (
        "  8.350360  13.626470 s 2   60.0  -1.250000 2461365.512346   0.016806 20261121001730s # sky 0 QJ126C4 0.51\n"
    )


def test_a_field_without_a_comment_ends_its_line_with_its_number() -> None:
    field = listed(SKY, "0 -1 N 120 0 5 0")[1]
    assert log_line(field, Equatorial(0, -1), 1, 120, 0, 2461365.5, 1 / 30, "20261121000000d") == (
        "  0.000000  -1.000000 d 1  120.0   0.000000 2461365.500000   0.033333 20261121000000d # dark 1\n"
    )


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
    (field,) = listed(line)
    columns = log_line(field, Equatorial(0, 0), 1, 60, 0, 2461365.5, 0.1, "root").split()
    assert f" {' '.join(columns[2:4])} {' '.join(columns[9:11])}" == words


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
        script_line=line,
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
