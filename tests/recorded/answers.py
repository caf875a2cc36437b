"""The answers of the API: each route with good bodies, an empty one, an unknown field and wrong values."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from getpass import getuser
from typing import Any
from uuid import UUID

import yaml
from django.conf import settings

from cameras.models import Camera
from captures.models import Session
from core.station_settings import clear_cache
from skycam_project.station_settings import change_settings
from tests.harness.clients.people import World
from tests.harness.clients.responses import content as streamed
from tests.harness.documents.route_table import Line, lines_of
from tests.recorded.placeholders import Placeholders
from tests.recorded.recordings import FOLDER, Entries

REQUESTS = FOLDER / "requests.yaml"
WRONG: dict[str, Any] = {"null": None, "-1": -1, "{x: 1}": {"x": 1}, "a long text": "x" * 30_000}
HEADERS = ("Location", "Content-Type", "Content-Disposition", "Retry-After", "Allow", "ETag")
HOUR = timedelta(hours=1)
IN_HOURS = re.compile(r"<in (\d+) h>")
PLACE = re.compile(r"<(uuid|slug|int|str):\w+>")
OF_CAMERA = re.compile(r"api/v1/cameras/<slug:slug>/(?!presets|settings).")
OF_THIS_MONTH = "GET /api/v1/nights/"
"""Recorded with a query alone."""
METRIC = re.compile(r"^# HELP skycam_.*\n# TYPE skycam_.*", re.MULTILINE)
"""Of a metric, its name, type and help. Its values are those of the process."""
ELSEWHERE = ("api/v1/schema/", "api/v1/docs/")
"""The document is recorded by itself."""


@cache
def given() -> dict[str, list[Any]]:
    """`POST /api/v1/...` -> good bodies. For GET: queries."""
    found: dict[str, list[Any]] = yaml.safe_load(REQUESTS.read_text(encoding="utf-8"))
    return found


@cache
def families() -> dict[str, list[Line]]:
    """The routes of each resource, in the order of the table. What a camera does is a family of its own."""
    found: dict[str, list[Line]] = {}
    for line in lines_of("api/"):
        name = line.resource.removeprefix("api/").removeprefix("v1/").split("/")[0]
        if line.route not in ELSEWHERE:
            found.setdefault("camera-actions" if OF_CAMERA.match(line.route) else name, []).append(line)
    return found


def placeholders(world: World, given: str) -> Placeholders:
    """`given` has the times that requests name."""
    rows = {str(row.pk): name for name, row in vars(world).items() if isinstance(getattr(row, "pk", 0), UUID)}
    known = {**rows, str(world.root.path): "folder", str(world.plan.id): "plan"}
    known |= {settings.STATION.station.id: "station", f"cli:{getuser()}": "cli:user"}
    return Placeholders(known, given)


def free_station() -> None:
    """Without a session, with a site and the camera of a telescope."""
    Session.objects.update(state="finished")
    Camera.objects.create(slug="yard", name="Yard", kind="telescope", host="main")
    change_settings({"site.latitude": 48.2, "site.longitude": 16.4})


class Recorder:
    """Asks as a manager. What a request changes is taken back."""

    def __init__(self, world: World) -> None:
        self._world, self._placeholders = world, placeholders(world, REQUESTS.read_text(encoding="utf-8"))

    def record(self, lines: list[Line]) -> Entries:
        entries: Entries = {}
        for line in lines:
            bodies = given().get(str(line), [])
            if str(line) != OF_THIS_MONTH:
                entries[str(line)] = self._answer(line, None)
            for number, body in enumerate(bodies, 1):
                entries[f"{line} body {number}"] = f"sent: {json.dumps(body)}\n{self._answer(line, body)}"
            if bodies and line.method != "GET":
                first = bodies[0]
                entries[f"{line} with an unknown field"] = self._outcome(line, {**first, "nosuch": 1})
                for field in dict.fromkeys(field for body in bodies for field in body):
                    entries[f"{line} wrong {field}"] = self._wrong(line, first, field)
        return entries

    def _wrong(self, line: Line, good: dict[str, Any], field: str) -> str:
        return "".join(f"{name}: {self._outcome(line, {**good, field: value})}\n" for name, value in WRONG.items())

    def _outcome(self, line: Line, body: dict[str, Any]) -> str:
        """Status and errors in one line."""
        status, _, content = self._request(line, body)
        if status < 400:
            return str(status)
        said = content.get("errors") or content.get("detail") if isinstance(content, dict) else content
        return f"{status} {json.dumps(said, ensure_ascii=False, sort_keys=True)}"

    def _answer(self, line: Line, body: Any) -> str:
        status, headers, content = self._request(line, body)
        text = content if isinstance(content, str) else to_yaml(content)
        return "\n".join([str(status), *(f"{name}: {value}" for name, value in headers.items()), text])

    def _request(self, line: Line, body: Any) -> tuple[int, dict[str, str], Any]:
        with self._world.unchanged():
            address = self._world.address(line.route, self._world.users["manager"])
            query = body if line.method == "GET" and body else ""
            sent = "" if query or body is None else json.dumps(filled(body, self._world))
            answer = self._world.client("manager").generic(
                line.method, address + filled(query, self._world), sent, content_type="application/json"
            )
            content = content_of(answer)
            clear_cache()
            headers = {name: self._placeholders.in_text(answer[name]) for name in HEADERS if name in answer}
            return answer.status_code, headers, self._content(headers.get("Content-Type", ""), content)

    def _content(self, kind: str, content: bytes) -> Any:
        if kind in {"application/json", "application/problem+json"} and content:
            return self._placeholders.in_body(json.loads(content))
        if kind.startswith(("image/", "video/", "application/zip")):
            return "(bytes)"
        text = content.decode().replace("\r\n", "\n")
        return self._placeholders.in_text("\n".join(sorted(METRIC.findall(text))) if METRIC.search(text) else text)


def content_of(answer: Any) -> bytes:
    if not answer.streaming:
        return bytes(answer.content)
    return streamed(answer) if answer.is_async else b"".join(answer)


def filled(value: Any, world: World) -> Any:
    """With the ids of rows in place of `<uuid:channel>` and others, and times in place of `<in 2 h>`."""
    if isinstance(value, dict):
        return {name: filled(one, world) for name, one in value.items()}
    if isinstance(value, list):
        return [filled(one, world) for one in value]
    if not isinstance(value, str):
        return value
    text = IN_HOURS.sub(lambda found: f"{datetime.now(UTC) + int(found[1]) * HOUR:%Y-%m-%dT%H:%M:%SZ}", value)
    return world.address(text, world.users["manager"]).removeprefix("/") if PLACE.search(text) else text


def to_yaml(content: Any) -> str:
    return yaml.safe_dump(content, allow_unicode=True, width=10**6).rstrip()
