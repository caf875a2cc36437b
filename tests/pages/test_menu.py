"""The side bar and the list of keys, without a browser: groups, the open page's group, and what is hidden."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cameras.models import Camera
from captures.models import Experiment
from monitoring.models import Webhook
from scheduler.telescope.field_lists.models import FieldList
from skycam_project.pages import context as used_pages
from skycam_project.pages.context import MENU, PAGES
from tests.harness.clients.pages import text_of
from tests.harness.rows.sensors import make_sensor
from tests.harness.rows.webhooks import added

OPTIONAL = {"Telescope", "Experiments", "Archives", "Readings", "Sensors", "Web-hooks"}


def menu_of(client: Any, address: str = "/") -> dict[str, tuple[bool, list[str]]]:
    """Group -> whether it is open, and its pages."""
    [pages] = re.findall(r'<nav class="nav pages".*?</nav>', text_of(client.get(address)), re.DOTALL)
    groups = re.findall(r"<details data-group=\"\w+\"( open)?>(.*?)</details>", pages, re.DOTALL)
    found = {}
    for is_open, group in groups:
        summary, _, rest = group.partition("</summary>")
        words = re.sub(r"<span.*", "", re.sub(r"<svg.*?</svg>|<summary>", "", summary))
        found[words.strip()] = (bool(is_open), re.findall(r"</svg>([\w -]+?) ?</a>", rest))
    return found


def shown_in(menu: dict[str, tuple[bool, list[str]]]) -> set[str]:
    return {page for group, (_, pages) in menu.items() if group != "Show all" for page in pages}


def test_each_page_is_in_one_group(db: None) -> None:
    assert list(MENU) == ["Now", "Pictures", "Nights", "Laboratory", "Storage", "Alerts", "Station"]
    assert len({page.name for page in PAGES}) == len({page.key for page in PAGES}) == len(PAGES)


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("/", "Now"),
        ("/tonight/", "Now"),
        ("/gallery/", "Pictures"),
        ("/schedules/add/", "Nights"),
        ("/storage/trash/", "Storage"),
        ("/alerts/rules/", "Alerts"),
        ("/users/", "Station"),
    ],
)
def test_only_the_group_of_the_open_page_is_open(address: str, group: str, manager: Any, camera: Camera) -> None:
    assert [name for name, (is_open, _) in menu_of(manager, address).items() if is_open] == [group]


def test_the_groups_that_the_reader_opened_stay_open(viewer: Any, camera: Camera) -> None:
    viewer.cookies["groups"] = "storage.all.nonsense"
    menu = menu_of(viewer)
    assert [name for name, (is_open, _) in menu.items() if is_open] == ["Now", "Storage", "Show all"]


def test_what_a_station_does_not_use_is_behind_show_all(manager: Any, camera: Camera) -> None:
    menu = menu_of(manager)
    assert set(menu["Show all"][1]) == OPTIONAL
    assert shown_in(menu) == {page.label for page in PAGES} - OPTIONAL
    assert "Laboratory" not in menu


@pytest.mark.parametrize(
    ("row", "pages"),
    [
        (lambda: Experiment.objects.create(name="dew", operator="olga", still_interval_s=60), {"Experiments"}),
        (lambda: make_sensor(), {"Sensors", "Readings"}),
        (lambda: added(), {"Web-hooks"}),
        (lambda: FieldList.objects.create(name="survey"), {"Telescope"}),
        (lambda: Camera.objects.create(slug="dome", name="Dome", kind="telescope", host="main"), {"Telescope"}),
    ],
    ids=["experiment", "sensor", "web-hook", "field list", "telescope"],
)
def test_its_first_row_brings_a_page_into_its_group(row: Any, pages: set[str], manager: Any, camera: Camera) -> None:
    row()
    assert shown_in(menu_of(manager)) & OPTIONAL == pages


def test_an_unused_page_is_in_its_group_while_it_is_open(manager: Any, camera: Camera) -> None:
    menu = menu_of(manager, "/webhooks/")
    assert menu["Alerts"] == (True, ["Alerts", "Events", "Notifications", "Web-hooks", "Silences"])
    assert "Web-hooks" not in menu["Show all"][1]


def test_the_list_of_keys_leads_to_every_page_that_the_reader_may_open(viewer: Any, camera: Camera) -> None:
    text = text_of(viewer.get("/"))
    keys = text.partition('id="keys"')[2].partition("</dialog>")[0]
    with_keys = [page for page in PAGES if page.key]
    wanted = {page.address for page in with_keys if page.role == "viewer"}
    assert set(re.findall(r'<dd><a href="([^"]+)"', keys)) == wanted
    assert {page for page in with_keys if f'data-key="{page.key}"' in text} == {
        page for page in with_keys if page.role == "viewer"
    }


def test_what_is_used_is_read_once_for_many_pages(viewer: Any, camera: Camera, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            viewer.get("/events/")
        return sum(Webhook._meta.db_table in query["sql"] for query in queries)

    used_pages.clear_cache()
    assert [asked(), asked()] == [1, 0]
    monkeypatch.setattr(used_pages, "CACHE_S", 0)
    assert asked() == 1


def test_the_tabs_of_a_phone_have_tonight(viewer: Any, camera: Camera) -> None:
    tabs = text_of(viewer.get("/")).partition('class="tabs"')[2].partition("</nav>")[0]
    assert re.findall(r"</svg>([\w -]+?) ?</", tabs) == ["Dashboard", "Tonight", "Gallery", "Recordings", "More"]
