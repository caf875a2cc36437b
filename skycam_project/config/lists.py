"""The lists of the file: `cameras`, `sensors` and `schedules`, and those whose items the description of a resource
says, derived from the request that adds such a row. `skycam config apply` brings the station to them; a start does
not. The services that store the rows validate the values that depend on a driver, a programme or a kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    TypeAdapter,
    create_model,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from cameras.drivers import DRIVERS
from cameras.resource import CameraNew
from core.registry import resolve
from core.resources.fields import extra_of
from core.resources.resource import Resource
from core.resources.sentences import allowed_text
from core.resources.values import Clock, HasPassword, ModelAt, Reference, choices_of, marker_of, plain_type, typed
from monitoring.sensor_management.resource import SensorRequest
from monitoring.sensors.driver import driver_class
from scheduler.schedules.resource import ScheduleRequest
from skycam_project.config.keys import Section, key
from skycam_project.config.redaction import passwords_in, secret_settings
from skycam_project.config.sections import SENSOR_TYPES, SensorConfig
from skycam_project.resources import IN_FILE, RESOURCES

DAY_MINUTES = 24 * 60
NAMES = {"kind": "type", "slug": "id"}
"""Fields that have another name in the file."""


def singular(name: str) -> str:
    """`notification route` of `notification_routes`."""
    return name.removesuffix("s").replace("_", " ")


def set_values(settings: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """The values of the named settings that are set, as texts."""
    return [str(settings[name]) for name in names if settings.get(name)]


class ListItem(Section):
    """An item of a list that `skycam config apply` stores."""

    def secrets(self) -> Iterable[str]:
        """What must not be shown of its values."""
        return ()


class KindItem(ListItem):
    """An item of a resource whose rows have the settings of their kind."""

    resource: ClassVar[Resource]

    def secrets(self) -> Iterable[str]:
        given: Any = self
        return set_values(given.settings, secret_settings(self.resource, given.type))


def entry_of(
    request: type[BaseModel],
    name: str,
    text: str = "",
    *,
    kinds: Iterable[str] = (),
    left_out: Iterable[str] = (),
    base: type[ListItem] = ListItem,
) -> Any:
    """The section of an item. `kinds`: the known kinds of such rows."""
    fields: dict[str, Any] = {
        NAMES.get(one, one): (
            Literal[tuple(kinds)] if one == "kind" else annotation_of(about),
            entry_key(request, one, about, kinds),
        )
        for one, about in request.model_fields.items()
        if one not in left_out
    }
    return create_model(name, __base__=base, __doc__=text, **fields)


def annotation_of(about: FieldInfo) -> Any:
    """As in the request, but rows of other lists are named, a value of an enumeration is its text, and a part is a
    mapping that the service reads."""
    if marker_of(about, Reference) is not None:
        return str
    if marker_of(about, ModelAt) is not None or is_model(about):
        return dict[str, Any] if about.default is not None else dict[str, Any] | None
    if choices := choices_of(about):
        return Literal[tuple(choices)]
    if marker_of(about, Clock) is not None:
        return Annotated[typed(about), BeforeValidator(clock_text)]
    return typed(about)


def is_model(about: FieldInfo) -> bool:
    kind = plain_type(about.annotation)
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def entry_key(request: type[BaseModel], name: str, about: FieldInfo, kinds: Iterable[str]) -> Any:
    default: Any = ... if about.is_required() else about.get_default(call_default_factory=True)
    if marker_of(about, Reference) is not None and default is None:
        default = ""
    allowed, is_secret = allowed_text(request, name), bool(extra_of(about, "secret") or marker_of(about, HasPassword))
    if name == "kind":
        allowed = ", ".join(sorted(kinds))
    if name == "settings" and not extra_of(about, "allowed"):
        default, allowed, is_secret = {}, "a mapping of the kind's settings", True
    return key(default, about.description or "", allowed, secret=is_secret, unset=extra_of(about, "unset") or "")


def clock_text(value: Any) -> Any:
    """YAML 1.1 reads 20:00 without quotes as the number 1200."""
    if type(value) is int and 0 <= value < DAY_MINUTES:
        return f"{value // 60:02}:{value % 60:02}"
    return value


CAMERA_ID = r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"
TYPES = {"dslr": "gphoto2", **{kind: kind for kind in DRIVERS}}
"""Type of a camera in the file -> kind of camera."""
TYPE_NAMES = ", ".join(TYPES)
CLOCK_KEYS = frozenset({"begin", "end"})


if TYPE_CHECKING:

    class CameraKeys(ListItem):
        id: str
        type: str
        address: str
        host: str
        primary: bool
else:
    CameraKeys = entry_of(CameraNew, "CameraKeys", "What the API has, too.", kinds=TYPES)


class CameraEntry(CameraKeys):
    """A camera. A key that is missing leaves an existing camera as it is."""

    recording: Literal["none", "rolling", "manual"] = key("none", "Kind of clips to record.", "none, rolling or manual")

    @field_validator("type", mode="before")
    @classmethod
    def is_known_type(cls, value: Any) -> Any:
        if value == "astro":
            raise ValueError(f"astro means an INDI camera, which Skycam does not support yet; allowed is {TYPE_NAMES}.")
        return value

    @field_validator("address")
    @classmethod
    def is_readable_address(cls, value: str) -> str:
        # Raises ValueError for brackets that are no IPv6 address: its passwords could not be hidden.
        urlsplit(value)
        return value

    @property
    def kind(self) -> str:
        """The driver's name."""
        return TYPES[self.type]

    def secrets(self) -> Iterable[str]:
        return passwords_in(self.address) if "://" in self.address else ()


SensorItem: Any = entry_of(SensorRequest, "SensorItem", "", left_out=("kind", "host", "interval_s"))


class SensorEntry(SensorItem, SensorConfig):  # type: ignore[misc]
    """A sensor. A key that is missing leaves an existing sensor as it is."""

    type: str = key(..., "Kind of the sensor. It cannot be changed.", SENSOR_TYPES)
    host: str = key("", "Host that reads it.", "1 to 60 characters", unset="this host", min_length=1, max_length=60)

    @model_validator(mode="after")
    def settings_are_given_once(self) -> Self:
        if twice := sorted(self.settings.keys() & self.model_fields_set & {"port", "baud_rate"}):
            raise ValueError(f"{twice[0]} is given twice, as a key and in settings. Remove one of them.")
        return self

    def secrets(self) -> Iterable[str]:
        return set_values(self.settings, driver_class(self.type).settings_model.secret_fields())


class ScheduleEntry(entry_of(ScheduleRequest, "ScheduleFields")):  # type: ignore[misc]
    """A schedule, as in the API. It is replaced as a whole: a key that is missing gets its default."""

    @field_validator("window")
    @classmethod
    def times_as_text(cls, window: dict[str, Any]) -> dict[str, Any]:
        return {name: clock_text(value) if name in CLOCK_KEYS else value for name, value in window.items()}


def check_cameras(cameras: list[CameraEntry]) -> list[CameraEntry]:
    """ValueError if two have the same id, or if several are primary."""
    check_unique("cameras", "id", [camera.id for camera in cameras])
    primary = [camera.id for camera in cameras if camera.primary]
    if len(primary) > 1:
        raise ValueError(f"{' and '.join(primary[:2])} are both primary; at most one camera is.")
    return cameras


def check_sensors(sensors: list[SensorEntry]) -> list[SensorEntry]:
    check_unique("sensors", "name", [sensor.name for sensor in sensors])
    return sensors


def check_schedules(schedules: list[ScheduleEntry]) -> list[ScheduleEntry]:
    check_unique("schedules", "name", [schedule.name.lower() for schedule in schedules])
    return schedules


def check_unique(what: str, key_name: str, values: Iterable[str]) -> None:
    seen: dict[str, int] = {}
    for number, value in enumerate(values, start=1):
        if value in seen:
            raise ValueError(
                f"items {seen[value]} and {number} of {what} have the same {key_name} {value!r}; give each its own."
            )
        seen[value] = number


LISTED: dict[str, Resource] = {name: resolve(RESOURCES[name]) for name in IN_FILE}
"""Name of the list -> its resource."""


def entry_name(name: str) -> str:
    """`NotificationRouteEntry`"""
    return f"{singular(name).title().replace(' ', '')}Entry"


def entry_for(name: str, resource: Resource) -> type[Section]:
    missing = (
        "It is replaced as a whole: a key that is missing gets its default."
        if resource.operation("change").replaces
        else "A key that is missing leaves an existing one as it is."
    )
    request = resource.operation("add").request
    assert request is not None
    text = f"An item of the list `{name}`, as in the API. {missing}"
    if not resource.kinds:
        return entry_of(request, entry_name(name), text)  # type: ignore[no-any-return]
    found = entry_of(request, entry_name(name), text, kinds=resource.kind_table, base=KindItem)
    found.resource = resource
    return found  # type: ignore[no-any-return]


ENTRIES: dict[str, type[Section]] = {name: entry_for(name, resource) for name, resource in LISTED.items()}

LISTS: dict[str, type[Section]] = {
    "cameras": CameraEntry,
    "sensors": SensorEntry,
    "schedules": ScheduleEntry,
    **ENTRIES,
}
"""All lists that `skycam config apply` stores -> the section of an item."""


def check_names(name: str, items: list[Any]) -> list[Any]:
    """ValueError if two items have the same name."""
    check_unique(name, "name", [item.name for item in items])
    return items


CHECKS: dict[str, Callable[[list[Any]], list[Any]]] = {
    "cameras": check_cameras,
    "sensors": check_sensors,
    "schedules": check_schedules,
    **{name: partial(check_names, name) for name in ENTRIES},
}
"""List -> what its items must be together."""


@cache
def adapter(name: str) -> TypeAdapter[Any]:
    section: Any = LISTS[name]
    return TypeAdapter(Annotated[list[section], AfterValidator(CHECKS[name])])


def read_items(name: str, items: Any) -> Any:
    """The items of a list. ValidationError."""
    return adapter(name).validate_python(items)
