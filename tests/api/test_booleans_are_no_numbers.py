"""JSON's `true` is not accepted as a number: by the API, by cameras, in the configuration."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from pydantic import BaseModel, RootModel

import cameras
import captures
import monitoring
import skycam_project
from cameras.drivers import DRIVERS, driver_class
from cameras.models import Camera
from captures.pixelink_service import bodies
from captures.pixelink_service.bodies import CaptureOptions, SettingsUpdate
from captures.pixelink_service.schema import MODELS
from core.api.model import StrictModel
from skycam_project.config.model import KEYS
from tests.harness.clients.people import World
from tests.harness.documents.api_schema import api_schema

NUMBERS = {"integer", "number"}
PLACES = {"slug": "sky", "name": "night"}
SKIPPED = ("skycam_project.service", "skycam_project.asgi", "cameras.runtime.__main__", "manage")


def resolved(part: Any) -> Any:
    name = part.get("$ref", "").rpartition("/")[2]
    return api_schema()["components"]["schemas"][name] if name else part


def takes_number(part: Any) -> bool:
    part = resolved(part)
    kinds = part.get("type", [])
    options = [option for key in ("anyOf", "allOf", "oneOf") for option in part.get(key, [])]
    return bool(NUMBERS & {kinds, *()} if isinstance(kinds, str) else NUMBERS & set(kinds)) or any(
        map(takes_number, options)
    )


def operations() -> Iterator[tuple[str, str, Any]]:
    for path, methods in api_schema()["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def fields_of_bodies() -> list[tuple[str, str, str]]:
    found = []
    for method, path, operation in operations():
        for content in operation.get("requestBody", {}).get("content", {}).values():
            body = resolved(content["schema"])
            found += [(method, path, name) for name, part in body.get("properties", {}).items() if takes_number(part)]
    return found


def parameters() -> list[tuple[str, str, str]]:
    return [
        (method, path, parameter["name"])
        for method, path, operation in operations()
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "query" and takes_number(parameter["schema"])
    ]


def address(path: str, world: World) -> str:
    places = {
        **PLACES,
        "capture": world.capture.pk,
        "session": world.session.pk,
        "schedule": world.schedule.pk,
        "field_list": world.field_list.pk,
        "clip": world.clip.pk,
        "experiment": world.experiment.pk,
        "archive": world.archive.pk,
        "file": world.archived.pk,
        "webhook": world.webhook.pk,
        "sensor": world.sensor.name,
        "rule": world.rule.name,
        "channel": world.channel.pk,
        "alert": world.alert.pk,
        "route": world.route.pk,
        "destination": world.destination.pk,
    }
    return path.format(**places)


def error_fields(answer: Any) -> list[str]:
    return [error["field"] for error in answer.json().get("errors", [])]


def test_the_schema_has_numbers() -> None:
    assert ("post", "/api/v1/cameras/{slug}/capture/", "f_number") in fields_of_bodies()
    assert ("get", "/api/v1/captures/", "limit") in parameters()


def is_refused(answer: Any, name: str) -> bool:
    return answer.status_code == 400 and name in error_fields(answer)


def test_true_is_not_accepted_as_a_number_in_a_body(world: World, manager: Any) -> None:
    accepted = [
        f"{method} {path}: {name}"
        for method, path, name in fields_of_bodies()
        if not is_refused(getattr(manager, method)(address(path, world), {name: True}, format="json"), name)
    ]
    assert accepted == []


def test_true_is_not_accepted_as_a_number_in_a_query(world: World, manager: Any) -> None:
    accepted = [
        f"{method} {path}: {name}"
        for method, path, name in parameters()
        if not is_refused(manager.get(f"{address(path, world)}?{name}=true"), name)
    ]
    assert accepted == []


def numbers_of(kind: str) -> list[tuple[str, str]]:
    properties = driver_class(kind).settings_model.model_json_schema()["properties"]
    return [(kind, name) for name, part in properties.items() if takes_number(part)]


def test_true_is_not_accepted_as_a_number_in_camera_settings(camera: Camera, manager: Any) -> None:
    accepted = []
    for kind, name in chain.from_iterable(map(numbers_of, DRIVERS)):
        Camera.objects.update(kind=kind)
        answer = manager.patch("/api/v1/cameras/sky/settings/", {name: True}, format="json")
        if answer.status_code != 400 or name not in answer.content.decode():
            accepted.append(f"{kind}: {name}")
    assert accepted == []


def station_numbers() -> list[str]:
    return [".".join(key) for key, field in KEYS.items() if key[0] in ("camera_config", "live_streaming_config")
            and takes_number({"anyOf": [{"type": kind} for kind in kinds_of(field.annotation)]})]  # fmt: skip


def kinds_of(annotation: Any) -> set[str]:
    return {name for name, kind in (("integer", "int"), ("number", "float")) if kind in str(annotation)}


def test_true_is_not_accepted_as_a_number_in_station_settings(manager: Any) -> None:
    changes = {key: manager.patch("/api/v1/settings/", {key: True}, format="json") for key in station_numbers()}
    assert [key for key, answer in changes.items() if answer.status_code != 400] == []


@pytest.mark.parametrize("model", [CaptureOptions, SettingsUpdate])
@pytest.mark.parametrize("name", ["exposure", "gain"])
def test_true_is_not_accepted_as_a_number_by_the_service(model: type[BaseModel], name: str) -> None:
    with pytest.raises(ValueError, match="must be a number, not true or false"):
        model.model_validate({name: True})


def models() -> set[type[BaseModel]]:
    """Every pydantic model of the project."""
    packages = (cameras, captures, monitoring, skycam_project)
    for package in packages:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.startswith(SKIPPED) and "__main__" not in found.name:
                importlib.import_module(found.name)
    return subclasses(BaseModel)


def subclasses(model: type[BaseModel]) -> set[type[BaseModel]]:
    return {one for child in model.__subclasses__() for one in {child, *subclasses(child)}}


def test_every_model_of_user_input_refuses_true_for_numbers() -> None:
    names = tuple(package.__name__ for package in (cameras, captures, monitoring, skycam_project))
    ours = {model for model in models() if model.__module__.startswith(names)}
    given = {model for model in ours if not issubclass(model, bodies.Body | RootModel)}
    assert len(given) > 20
    assert [model for model in given if not issubclass(model, StrictModel)] == []


def test_the_tests_cover_every_model_of_the_service() -> None:
    assert all(issubclass(model, StrictModel | bodies.Body) for model, _ in MODELS)
