"""docs/clients/python.md: its blocks run against a station, and its tables name what the client has."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import skycam_client
from skycam_client import Client, SkycamError
from skycam_client.api import ApiGroup
from skycam_client.calls import call, listing
from skycam_client.problems import CLASSES
from skycam_client.rows import Rows
from tests.harness.documents.pages import blocks, first_cells, page, section
from tests.harness.stations.station import Station

PAGE = "docs/clients/python.md"


def test_the_blocks_of_the_page_run_in_their_order(
    plain_station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pictures").mkdir()
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    with plain_station.cameras.added() as camera:
        for block in blocks(PAGE, "python"):
            code = block.replace("http://station:8080", f"http://127.0.0.1:{plain_station.port}")
            exec(code.replace("TOKEN", plain_station.api.token).replace('"sky"', f'"{camera}"'), names)
    names["client"].close()
    assert names["file"].parent == Path("pictures")


def test_the_page_lists_all_calls_of_each_group() -> None:
    with Client("http://station") as client:
        groups = {name: one for name, one in vars(client).items() if isinstance(one, ApiGroup)}
    own = {name: calls_of(type(one)) for name, one in groups.items() if type(one) is not Rows}
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", section(PAGE, "Sessions and experiments"), re.MULTILINE)
    assert {name: {*re.findall(r"`(\w+)`", calls)} for name, calls in rows} == own
    assert {name for name, one in groups.items() if type(one) is Rows} == {
        name for name in groups if f"`{name}`" in section(PAGE, "Every other resource")
    }


def calls_of(group: type[ApiGroup[Any]]) -> set[str]:
    return {name for name, one in vars(group).items() if isinstance(one, call | listing)}


def test_the_page_names_each_exception() -> None:
    known = [one for _, one in inspect.getmembers(skycam_client) if inspect.isclass(one)]
    errors = {one.__name__ for one in known if issubclass(one, SkycamError)} - {"SkycamError"}
    assert {*first_cells(section(PAGE, "When something goes wrong"))} == errors


def test_the_types_of_problems_are_those_of_the_station() -> None:
    from core.api.problems import PROBLEMS

    assert CLASSES.keys() <= PROBLEMS.keys()


def test_the_page_has_the_limits_of_the_code() -> None:
    defaults = inspect.signature(Client).parameters
    assert f"`retry_for_s` ({defaults['retry_for_s'].default:.0f} s by default" in page(PAGE)
    assert f"`timeout_s` ({defaults['timeout_s'].default:.0f} s)" in page(PAGE)
