"""Lists whose nights are started by themselves: when, by what, and what is said of a night that cannot be started."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from cameras.leases import acquire_lease
from cameras.models import Camera
from captures.models import Session
from core.events.models import Alert, Event
from scheduler.models import FieldList, NightlyStart
from scheduler.tasks import start_telescope_nights
from scheduler.telescope.field_lists.nightly import (
    LEAD,
    MESSAGE_DUE,
    RETRY,
    end_nightly_start,
    problem_of,
    set_nightly_start,
    start_due_nights,
    try_start,
)
from scheduler.telescope.field_lists.resource import FieldListRequest, NightOptions
from scheduler.telescope.field_lists.service import FieldListService
from tests.harness.far_ends.camera_host import camera_host
from tests.harness.rows.audiences import only_for
from tests.harness.rows.nights import at_site

pytestmark = pytest.mark.django_db
LA_SILLA = {"latitude": -29.257, "longitude": -70.7295, "elevation": 2347.0, "time_zone": "America/Santiago"}
SUNSET = datetime(2026, 11, 20, 23, 27, tzinfo=UTC)
NOON = SUNSET - timedelta(hours=7)
NIGHT = SUNSET + timedelta(hours=3)
MORNING = SUNSET + timedelta(hours=12)
DAY = timedelta(days=1)


@pytest.fixture
def mosaic() -> Camera:
    at_site(LA_SILLA)
    return Camera.objects.create(
        slug="mosaic", name="Mosaic", kind="telescope", address="pco-nuc:6000,6001", host="main"
    )


@pytest.fixture
def tonight() -> FieldList:
    return a_list("tonight")


@pytest.fixture
def nightly(tonight: FieldList, mosaic: Camera) -> NightlyStart:
    return each_night(tonight, mosaic)


@pytest.fixture
def host(empty_broker: Any) -> Iterator[list[Any]]:
    """The commands that the camera's host received."""
    with camera_host(empty_broker, {"start": {}}) as commands:
        yield commands


def a_list(name: str) -> FieldList:
    return FieldListService(None, "olga").add(FieldListRequest(name=name, text="1.00 -25 Y 100 0 1 0"))


def each_night(found: FieldList, camera: Camera, **options: Any) -> NightlyStart:
    request = NightOptions(camera=camera.slug, **options)
    return set_nightly_start(found, camera, request, user=None, actor="olga", now=NOON)


def evenings() -> list[str]:
    return [session.programme["telescope"]["evening"] for session in Session.objects.order_by("created_at")]


def alerts() -> list[str]:
    return list(Alert.objects.exclude(state=Alert.State.RESOLVED).values_list("message", flat=True))


# When


def test_a_night_is_started_an_hour_before_sunset(nightly: NightlyStart, host: list[Any]) -> None:
    for now in (NOON, SUNSET - LEAD - timedelta(minutes=2)):
        start_due_nights(now)
    assert evenings() == []
    start_due_nights(SUNSET - LEAD + timedelta(minutes=2))
    [session] = Session.objects.all()
    assert (session.camera, session.created_by, session.name) == (nightly.camera, "olga", "tonight 2026-11-20")
    assert session.programme["windows"][0][0].startswith("2026-11-20T23:2")
    assert len(host) == 1


def test_each_night_is_started_once(nightly: NightlyStart, host: list[Any]) -> None:
    for now in (SUNSET, SUNSET + RETRY, NIGHT):
        start_due_nights(now)
    Session.objects.update(state="finished")
    for now in (MORNING, SUNSET + DAY, NIGHT + DAY):
        start_due_nights(now)
    assert evenings() == ["2026-11-20", "2026-11-21"]


def test_a_session_that_was_stopped_is_not_started_again(nightly: NightlyStart, host: list[Any]) -> None:
    start_due_nights(SUNSET)
    Session.objects.update(state="stopped", desired="stopped")
    start_due_nights(NIGHT)
    assert evenings() == ["2026-11-20"]


def test_a_station_that_was_away_starts_the_rest_of_the_night(nightly: NightlyStart, host: list[Any]) -> None:
    start_due_nights(NIGHT)
    [session] = Session.objects.all()
    assert session.programme["windows"][0][0].startswith("2026-11-21T02:27")


def test_a_night_that_a_person_has_started_is_left_alone(nightly: NightlyStart, host: list[Any]) -> None:
    programme = {"kind": "telescope", "telescope": {"evening": "2026-11-20"}}
    Session.objects.create(camera=nightly.camera, programme=programme, state="running")
    start_due_nights(NIGHT)
    assert (evenings(), alerts(), host) == (["2026-11-20"], [], [])


def test_the_options_are_those_that_were_set(tonight: FieldList, mosaic: Camera, host: list[Any]) -> None:
    each_night(tonight, mosaic, rule="sequential", clears=False)
    start_due_nights(SUNSET)
    telescope = Session.objects.get().programme["telescope"]
    assert (telescope["rule"], telescope["clears"]) == ("sequential", False)


# What prevents it


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"enabled": False}, "The camera is disabled: enable it."),
        ({"connected": False}, "The camera is disconnected: "),
    ],
)
def test_a_camera_that_cannot_observe_is_an_alert(
    nightly: NightlyStart, host: list[Any], fields: dict[str, bool], reason: str
) -> None:
    Camera.objects.update(**fields)
    start_due_nights(SUNSET)
    [message] = alerts()
    assert message.startswith(f"The night of tonight is not started on mosaic. {reason}")
    assert evenings() == []


def test_a_host_that_is_away_is_an_alert_and_stores_no_session(nightly: NightlyStart, empty_broker: Any) -> None:
    start_due_nights(SUNSET)
    [message] = alerts()
    assert "main" in message
    assert evenings() == []


def test_a_camera_that_is_held_is_tried_again(nightly: NightlyStart, host: list[Any]) -> None:
    acquire_lease(nightly.camera, "otto")
    start_due_nights(SUNSET)
    assert "otto" in alerts()[0]
    Camera.objects.update(held_by="", held_since=None, held_until=None)
    start_due_nights(SUNSET + RETRY / 2)
    assert evenings() == []
    start_due_nights(SUNSET + RETRY)
    assert (evenings(), alerts()) == (["2026-11-20"], [])


def test_a_list_without_a_field_is_an_alert(nightly: NightlyStart, host: list[Any]) -> None:
    FieldList.objects.update(text="# nothing")
    start_due_nights(SUNSET)
    assert "has no field" in alerts()[0]


def test_a_host_without_coordinates_is_an_alert(nightly: NightlyStart, host: list[Any]) -> None:
    at_site({**LA_SILLA, "latitude": None, "longitude": None})
    start_due_nights(SUNSET)
    assert "has no coordinates" in alerts()[0]


def test_the_alert_ends_with_the_night(nightly: NightlyStart, host: list[Any]) -> None:
    Camera.objects.update(enabled=False)
    start_due_nights(NIGHT)
    start_due_nights(MORNING)
    assert alerts() == []


def test_of_two_tasks_that_find_a_night_due_one_starts_it(nightly: NightlyStart, host: list[Any]) -> None:
    NightlyStart.objects.update(tried_at=SUNSET)
    try_start(nightly, date(2026, 11, 20), SUNSET)
    assert evenings() == []


def test_a_clock_that_was_ahead_delays_no_night(nightly: NightlyStart, host: list[Any]) -> None:
    NightlyStart.objects.update(tried_at=SUNSET + 30 * DAY)
    start_due_nights(SUNSET)
    assert evenings() == ["2026-11-20"]


def test_where_the_sun_does_not_set_no_night_is_due_and_none_is_missed(nightly: NightlyStart, host: list[Any]) -> None:
    at_site({**LA_SILLA, "latitude": -80.0})
    for hour in range(24):
        start_due_nights(datetime(2026, 12, 21, hour, 50, tzinfo=UTC))
    assert (evenings(), alerts()) == ([], [])


def test_a_removed_camera_observes_no_list(nightly: NightlyStart, host: list[Any]) -> None:
    Camera.objects.update(removed_at=NOON)
    start_due_nights(SUNSET)
    assert (evenings(), NightlyStart.objects.count()) == ([], 0)
    assert Event.objects.filter(message__startswith="mosaic was removed").count() == 1


def test_starts_that_fail_as_a_whole_are_an_alert_until_they_work(
    nightly: NightlyStart, host: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    NightlyStart.objects.update(options=["what no version stored"])
    monkeypatch.setattr(timezone, "now", lambda: SUNSET)
    start_telescope_nights()
    assert alerts()[0].startswith("The nights of the telescopes cannot be started (TypeError).")
    NightlyStart.objects.update(options={}, tried_at=None)
    start_telescope_nights()
    assert (alerts(), evenings()) == ([], ["2026-11-20"])


@pytest.mark.parametrize(
    ("now", "stored", "sentence"),
    [
        (NOON, {}, ""),
        (SUNSET, {}, MESSAGE_DUE),
        (SUNSET, {"problem": "It is held."}, "It is held."),
        (SUNSET, {"started": "2026-11-20"}, ""),
        (NOON, {"problem": "It was held."}, ""),
    ],
)
def test_a_night_that_is_due_and_not_started_says_so_although_no_task_runs(
    nightly: NightlyStart, now: datetime, stored: dict[str, str], sentence: str
) -> None:
    NightlyStart.objects.update(**stored)
    nightly.refresh_from_db()
    assert problem_of(nightly, now) == sentence


# Setting it


def test_a_night_without_a_sunset_is_refused(tonight: FieldList, mosaic: Camera) -> None:
    at_site({**LA_SILLA, "latitude": -80.0})
    options, summer = NightOptions(camera="mosaic"), datetime(2026, 12, 21, 20, tzinfo=UTC)
    with pytest.raises(ValidationError, match="The Sun does not set on 2026-12-21"):
        set_nightly_start(tonight, mosaic, options, user=None, actor="olga", now=summer)


def test_a_camera_observes_one_list_each_night(nightly: NightlyStart) -> None:
    with pytest.raises(ValidationError, match="mosaic observes the list 'tonight' each night"):
        each_night(a_list("other"), nightly.camera)
    assert [one.field_list.name for one in NightlyStart.objects.all()] == ["tonight"]


def test_another_camera_takes_the_place_of_the_first(nightly: NightlyStart) -> None:
    second = Camera.objects.create(
        slug="second", name="Second", kind="telescope", address="pco-nuc:5000,5001", host="main"
    )
    each_night(nightly.field_list, second)
    assert NightlyStart.objects.get().camera == second


def test_new_options_do_not_start_the_night_again(nightly: NightlyStart, host: list[Any]) -> None:
    start_due_nights(SUNSET)
    Session.objects.update(state="stopped", desired="stopped")
    each_night(nightly.field_list, nightly.camera, rule="sequential")
    start_due_nights(NIGHT)
    assert evenings() == ["2026-11-20"]


def test_another_kind_of_camera_is_refused(tonight: FieldList, camera: Camera) -> None:
    with pytest.raises(ValidationError, match="is no camera of a telescope"):
        each_night(tonight, camera)
    assert not NightlyStart.objects.exists()


def test_an_ended_or_archived_list_starts_no_night(nightly: NightlyStart, host: list[Any]) -> None:
    end_nightly_start(nightly.field_list, user=None, actor="olga")
    assert not NightlyStart.objects.exists()
    each_night(nightly.field_list, nightly.camera)
    FieldListService(None, "olga").archive(nightly.field_list)
    start_due_nights(SUNSET)
    assert (evenings(), NightlyStart.objects.count()) == ([], 0)


def test_events_of_a_list_do_not_name_a_hidden_camera(
    nightly: NightlyStart, mosaic: Camera, operator: Any, manager: Any
) -> None:
    only_for(mosaic)
    end_nightly_start(nightly.field_list, user=None, actor="olga")
    shown = [one["message"] for one in operator.get("/api/v1/events/").json()["results"]]
    assert shown == ["olga added the field list 'tonight' with 1 field."]
    assert len(manager.get("/api/v1/events/").json()["results"]) == 3
