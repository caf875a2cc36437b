"""The OpenAPI document, and the configuration file: what is exported, and what a file would change."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from pytest_django import Settings

from cameras.models import CameraHost
from skycam_project.access.models import User
from skycam_project.config import ConfigManager
from tests.harness.documents.api_schema import api_schema
from tests.harness.documents.route_table import Line
from tests.harness.stations.command_line import answer, skycam
from tests.recorded.answers import families, to_yaml
from tests.recorded.recordings import FOLDER, Entries

SECRETS = {
    name: f"hidden-secret-of-{name.lower()}"
    for name in ("GATE", "GARDEN", "WEATHER", "MAIL", "HOOK", "TOPIC", "TOKEN", "MQTT")
} | {"BOT": "12345:AAAAAAAAAAAAAAAAAAAAAAAAAA", "ROOM": "hidden-room"}
PLACE = re.compile(r"<\w+:(\w+)>")
FILES = FOLDER / "station.yaml", FOLDER / "changed_station.yaml"


def openapi(family: str) -> Entries:
    """The operations of the family's routes, or a part of the document beside them."""
    document = plain(api_schema())
    paths, schemas = document.pop("paths"), document["components"].pop("schemas")
    parts = {
        "document": {"document": document},
        "schemas-a-m": {f"schema {name}": one for name, one in schemas.items() if name < "N"},
        "schemas-n-z": {f"schema {name}": one for name, one in schemas.items() if name >= "N"},
    }
    operations = {f"{method.upper()} {path}": one for path, item in paths.items() for method, one in item.items()}
    parts |= {name: {one: operations[one] for one in map(in_openapi, lines)} for name, lines in families().items()}
    return {name: to_yaml(one) for name, one in sorted(parts[family].items())}


def in_openapi(line: Line) -> str:
    return PLACE.sub(r"{\1}", str(line))


def openapi_families() -> list[str]:
    return ["document", "schemas-a-m", "schemas-n-z", *families()]


def configuration(station: Settings, folder: Path) -> Entries:
    """`config apply` of a file, the export of the station then, and the plan for another file. With SECRETS in the
    environment. `folder` gets the files: a station's data is beside its file."""
    CameraHost.objects.create(name="dome")
    User.objects.create_user("viewer", role="viewer")
    first, second = (shutil.copy(file, folder) for file in map(str, FILES))
    station.STATION = ConfigManager(Path(first), environment={**SECRETS, "PATH": ""}, here=folder).config
    apply = ("config", "apply")
    return {
        "apply as JSON": as_yaml(answer(*apply, first, "--yes")),
        "apply again": skycam(*apply, first, "--yes").stdout,
        "export": skycam("config", "export").stdout,
        "export as JSON": as_yaml(answer("config", "export")),
        "plan": skycam(*apply, second, "--prune", "--dry-run").stdout,
        "plan as JSON": as_yaml(answer(*apply, second, "--prune", "--dry-run")),
        "plan without --prune": skycam(*apply, second, "--dry-run").stdout,
    }


def as_yaml(body: dict[str, Any]) -> str:
    return to_yaml({name: value for name, value in body.items() if name != "file"})


def plain(document: Any) -> Any:
    """Of dictionaries, lists and texts alone."""
    if isinstance(document, dict):
        return {str(key): plain(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [plain(one) for one in document]
    return str(document).replace(settings.STATION.station.id, "<station>") if isinstance(document, str) else document
