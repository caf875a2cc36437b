"""Field lists of a telescope over the API."""

from __future__ import annotations

from typing import Any

import pytest

from cameras.models import Camera
from scheduler.models import FieldList, NightlyStart
from tests.harness.rows.audiences import only_for
from tests.harness.rows.nights import at_site
from tests.harness.scenarios.observatory import longitude_of_midnight

URL = "/api/v1/telescope/field-lists/"
TEXT = "1.00 -25 Y 100 0 1 0 # sets early\n4.00 -40 Y 200 7200 2 3 # must be done\n2.00 60 Y 100 0 1 0 # never rises\n"
LA_SILLA = "latitude=-29.257&longitude=-70.7295&elevation=2347"


@pytest.fixture
def tonight(operator: Any) -> dict[str, Any]:
    body: dict[str, Any] = operator.post(URL, {"name": "tonight", "text": TEXT}).json()
    return body


def test_an_operator_adds_a_list_and_others_see_it(operator: Any, viewer: Any, tonight: dict[str, Any]) -> None:
    assert (tonight["fields"], tonight["revision"], tonight["created_by"]) == (3, 1, "a-operator")
    listed = viewer.get(URL).json()["results"]
    detail = ("text", "added_text", "nightly")
    assert listed == [{name: value for name, value in tonight.items() if name not in detail}]
    assert viewer.get(f"{URL}{tonight['id']}/").json() == tonight


def test_all_wrong_lines_are_named_at_once(operator: Any, db: None) -> None:
    refused = operator.post(URL, {"name": "x", "text": "25 -25 Y 100 0 1 0\n1 -25 X 100 0 1 0"})
    assert refused.status_code == 400
    messages = [error["message"] for error in refused.json()["errors"]]
    assert [message[:7] for message in messages] == ["Line 1:", "Line 2:"]
    assert not FieldList.objects.exists()


def test_a_list_that_another_has_changed_is_not_overwritten(operator: Any, tonight: dict[str, Any]) -> None:
    url = f"{URL}{tonight['id']}/"
    assert operator.patch(url, {"name": "later", "revision": 1}).json()["revision"] == 2
    refused = operator.patch(url, {"name": "never", "revision": 1})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "revision")


def test_a_deleted_list_is_archived_and_can_be_restored(operator: Any, tonight: dict[str, Any]) -> None:
    url = f"{URL}{tonight['id']}/"
    assert operator.delete(url).status_code == 204
    assert operator.get(url).json()["archived"] is not None
    assert operator.patch(url, {"archived": False}).json()["archived"] is None


def test_fields_are_added_for_the_night(operator: Any, viewer: Any, tonight: dict[str, Any]) -> None:
    operator.post(f"{URL}{tonight['id']}/add/", {"text": "3.00 -20 Y 300 0 1 4 # an alert"})
    fields = viewer.get(f"{URL}{tonight['id']}/fields/").json()["results"]
    assert [(field["comment"], field["is_added"]) for field in fields][2:] == [
        ("never rises", False),
        ("an alert", True),
    ]


def test_a_plan_has_the_reason_of_each_choice(viewer: Any, tonight: dict[str, Any]) -> None:
    plan = viewer.get(f"{URL}{tonight['id']}/plan/?evening=2026-11-20&{LA_SILLA}").json()
    assert [(one["comment"], one["number"]) for one in plan["observations"]] == [
        ("sets early", 1),
        ("must be done", 1),
        ("must be done", 2),
    ]
    assert all(one["reason"].endswith(".") for one in plan["observations"])
    assert [one["comment"] for one in plan["unfinished"]] == ["never rises"]
    assert (plan["evening"], plan["rule"], plan["sunset"][:13]) == ("2026-11-20", "priority", "2026-11-20T23")


def test_a_plan_without_a_place_needs_that_of_the_station(viewer: Any, tonight: dict[str, Any]) -> None:
    refused = viewer.get(f"{URL}{tonight['id']}/plan/")
    assert refused.json()["errors"][0]["field"] == "site"


@pytest.mark.parametrize(
    ("request_", "field"),
    [({"camera": "sky"}, "camera"), ({"camera": "none"}, "camera"), ({"camera": "sky", "rule": "random"}, "rule")],
)
def test_a_night_needs_the_camera_of_a_telescope(
    operator: Any, camera: Camera, tonight: dict[str, Any], request_: dict[str, str], field: str
) -> None:
    refused = operator.post(f"{URL}{tonight['id']}/observe/", request_)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, field)


# Each night


@pytest.fixture
def mosaic(db: None) -> Camera:
    """Where it is noon now, so that no night is due."""
    longitude = (longitude_of_midnight() + 360) % 360 - 180
    at_site({"latitude": -29.257, "longitude": longitude, "elevation": 2347.0, "time_zone": "UTC"})
    return Camera.objects.create(slug="mosaic", name="Mosaic", kind="telescope", address="pco-nuc:6000", host="main")


def test_the_nights_of_a_list_are_started_by_themselves(
    operator: Any, viewer: Any, mosaic: Camera, tonight: dict[str, Any]
) -> None:
    url = f"{URL}{tonight['id']}/"
    set_ = operator.put(f"{url}nightly/", {"camera": "mosaic", "rule": "sequential"})
    assert (set_.status_code, set_.json()["nightly"]) == (
        200,
        {
            "camera": "mosaic",
            "rule": "sequential",
            "clears": True,
            "add_file": "",
            "created_by": "a-operator",
            "problem": "",
        },
    )
    assert viewer.get(url).json()["nightly"]["camera"] == "mosaic"
    assert viewer.delete(f"{url}nightly/").status_code == 403
    assert operator.delete(f"{url}nightly/").status_code == 204
    assert viewer.get(url).json()["nightly"] is None


def test_a_camera_that_a_user_may_not_see_is_not_named(
    operator: Any, viewer: Any, mosaic: Camera, tonight: dict[str, Any]
) -> None:
    operator.put(f"{URL}{tonight['id']}/nightly/", {"camera": "mosaic"})
    only_for(mosaic)
    nightly = viewer.get(f"{URL}{tonight['id']}/").json()["nightly"]
    assert (nightly["camera"], nightly["created_by"]) == (None, "a-operator")
    refused = operator.delete(f"{URL}{tonight['id']}/nightly/")
    assert (refused.status_code, NightlyStart.objects.count()) == (400, 1)


@pytest.mark.parametrize(
    ("request_", "field"),
    [({"camera": "sky"}, "camera"), ({"camera": "mosaic", "add_file": "/etc/x.add"}, "add_file"), ({}, "camera")],
)
def test_what_no_night_can_be_started_with_is_refused(
    operator: Any, camera: Camera, mosaic: Camera, tonight: dict[str, Any], request_: dict[str, str], field: str
) -> None:
    refused = operator.put(f"{URL}{tonight['id']}/nightly/", request_)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, field)
    assert operator.get(f"{URL}{tonight['id']}/").json()["nightly"] is None
