"""A night of a telescope at a real station: what it observes, what is added, and what a kill costs."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.sky.sidereal import local_sidereal_hours
from tests.harness.scenarios.observatory import Observatory, longitude_of_midnight
from tests.harness.waiting import eventually

FIELDS = 3
SOUTH = -60
"""A declination where the Moon never is: a field near it is not observed."""
NIGHT_S = 60.0
"""How long the night takes on an idle machine, at most."""
STARTS_EACH_S = 60.0
"""How often the station looks for lists that are observed each night."""


@pytest.fixture(scope="module")
def observatory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observatory]:
    observatory = Observatory(tmp_path_factory.mktemp("night"))
    try:
        observatory.up()
        yield observatory
    finally:
        observatory.stop()


def sky_line(hours: float, comment: str, observations: int = 1, survey: int = 0) -> str:
    """A field at this hour angle east of the meridian: the larger, the later it sets. Those of a list are near each
    other, so that the telescope is soon there."""
    ra = (local_sidereal_hours(datetime.now(UTC).timestamp(), longitude_of_midnight()) + hours) % 24
    return f"{ra:.4f} {SOUTH} Y 0.2 0 {observations} {survey} # {comment}"


@pytest.fixture(scope="module")
def field_list(observatory: Observatory) -> str:
    """Its id."""
    lines = [
        "0 0 N 0.5 0 2 0 # darks",
        *(sky_line(number / 10, f"field {number}", observations=2) for number in range(FIELDS)),
        sky_line(0.4, "must be done", survey=3),
        "6 80 Y 1 0 1 0 # never rises",
    ]
    answer = observatory.station.api.post("telescope/field-lists/", {"name": "tonight", "text": "\n".join(lines)})
    assert answer.status == 201, answer
    return str(answer.body["id"])


def observed(observatory: Observatory, field_list: str) -> list[dict[str, Any]]:
    """The observations, in their order."""
    found: list[Any] = observatory.station.api.get(f"telescope/field-lists/{field_list}/observations/")["results"]
    return found[::-1]


def comments(observatory: Observatory, field_list: str) -> list[str]:
    fields = observatory.station.api.get(f"telescope/field-lists/{field_list}/fields/")["results"]
    by_key = {field["key"]: field["comment"] for field in fields}
    return [by_key[one["field"]] for one in observed(observatory, field_list)]


@pytest.fixture(scope="module")
def night(observatory: Observatory, field_list: str) -> list[dict[str, Any]]:
    """The observations of its first night, in their order. A kill comes in the middle of it, and a field is added."""
    station = observatory.station
    answer = station.api.post(f"telescope/field-lists/{field_list}/observe/", {"camera": "mosaic"})
    assert answer.status == 201, answer
    eventually(lambda: len(observed(observatory, field_list)) >= 4, "four are observed")
    os.kill(station.cameras.pid("mosaic"), signal.SIGKILL)
    station.api.post(f"telescope/field-lists/{field_list}/add/", {"text": sky_line(0.5, "an alert", survey=4)})
    number = 2 * FIELDS + 4
    eventually(lambda: len(observed(observatory, field_list)) >= number, "all is observed", NIGHT_S)
    return observed(observatory, field_list)


def test_a_night_observes_by_the_rules_and_goes_on_after_a_kill(
    observatory: Observatory, field_list: str, night: list[dict[str, Any]]
) -> None:
    found = comments(observatory, field_list)[: len(night)]
    assert found[:3] == ["must be done", "darks", "darks"]
    assert {*Counter((one["field"], one["number"]) for one in night).values()} == {1}
    assert Counter(found) == {
        "must be done": 1, "darks": 2, "an alert": 1, **{f"field {number}": 2 for number in range(FIELDS)},
    }  # fmt: skip


def test_each_observation_has_its_capture_and_its_reason(observatory: Observatory, night: list[dict[str, Any]]) -> None:
    def captures() -> list[dict[str, Any]]:
        return [observatory.station.api.get(f"captures/{one['capture']}/") for one in night]

    eventually(lambda: {capture["status"] for capture in captures()} == {"saved"}, "all are saved")
    assert all(one["reason"].endswith(".") for one in night)
    assert observatory.header(captures()[0])["COMMENT"][0] == "must be done"


def test_the_files_of_the_c_scheduler_have_each_observation(
    observatory: Observatory, night: list[dict[str, Any]]
) -> None:
    (log,) = Path(observatory.station.config.storage_root, "telescope", "mosaic").glob("*/log.obs")
    expected = [one["filename"] for one in night]

    def roots() -> list[str]:
        return [line.split()[8] for line in log.read_text().split("\n")[:-1]]

    eventually(lambda: len(roots()) >= len(expected), roots)
    assert roots()[: len(expected)] == expected


def stop_night(observatory: Observatory) -> None:
    """The newest session of the camera."""
    api = observatory.station.api
    url = f"sessions/{api.get('sessions/?camera=mosaic')['results'][0]['id']}/"
    api.post(f"{url}stop/")
    eventually(lambda: api.get(url)["state"] == "stopped", "the camera is free")


def test_a_night_that_is_started_again_observes_what_is_left(
    observatory: Observatory, field_list: str, night: list[dict[str, Any]]
) -> None:
    api, before = observatory.station.api, comments(observatory, field_list)
    stop_night(observatory)
    answer = api.post(f"telescope/field-lists/{field_list}/observe/", {"camera": "mosaic"})
    assert answer.status == 201, answer
    api.post(f"telescope/field-lists/{field_list}/add/", {"text": sky_line(0.6, "added later")})
    eventually(lambda: len(observed(observatory, field_list)) > len(before), "something is observed", NIGHT_S)
    assert comments(observatory, field_list) == [*before, "added later"]


@pytest.mark.prove
def test_a_night_that_starts_over_observes_all_again(
    observatory: Observatory, field_list: str, night: list[dict[str, Any]]
) -> None:
    api, before = observatory.station.api, comments(observatory, field_list)
    stop_night(observatory)
    answer = api.post(f"telescope/field-lists/{field_list}/observe/", {"camera": "mosaic", "start_over": True})
    assert answer.status == 201, answer
    eventually(lambda: len(observed(observatory, field_list)) >= len(before) + 3, "three are observed again", NIGHT_S)
    again = comments(observatory, field_list)[len(before) :]
    assert {*again[:2]} == {"must be done", "an alert"}
    assert again[2] == "darks"


@pytest.mark.prove
def test_a_list_that_is_observed_each_night_is_started_by_itself(
    observatory: Observatory, night: list[dict[str, Any]]
) -> None:
    api = observatory.station.api
    stop_night(observatory)
    added = api.post("telescope/field-lists/", {"name": "each night", "text": sky_line(0, "started by itself")})
    answer = api.ask("PUT", f"telescope/field-lists/{added.body['id']}/nightly/", {"camera": "mosaic"})
    assert answer["nightly"]["camera"] == "mosaic"
    eventually(
        lambda: comments(observatory, added.body["id"]) == ["started by itself"], "it is observed", STARTS_EACH_S
    )
