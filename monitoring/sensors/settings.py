"""The settings of each kind of sensor, which forms, commands, API and configuration file ask for. Django-free.

A driver names its model, and does not import it: the process of a sensor gets settings that were checked here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, ValidationError, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from core.readings.reading import QUANTITIES
from core.resources.fields import KindSettings, field
from core.resources.sentences import allowed_text
from monitoring.sensors.driver import driver_class
from monitoring.sensors.drivers.arduino.formats import parse_order, parse_pattern
from monitoring.sensors.drivers.digitemp import USB
from monitoring.sensors.drivers.host import GROUPS, entries
from monitoring.sensors.drivers.http import parse_headers
from monitoring.sensors.drivers.mqtt import parse_topics
from monitoring.sensors.serial_ports import check_port
from monitoring.sensors.values import parse_sources

if TYPE_CHECKING:
    QuantityName = str
else:
    QuantityName = Literal[tuple(QUANTITIES)]
LONGEST = 1000
MAX_WORDS = 50
MAX_DISKS = 20
BAUD_RATES = (300, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 250000, 460800, 500000, 921600, 1000000)


def check_text(text: str, about: ValidationInfo) -> str:
    """ValueError unless the text can be printed."""
    if len(text) > LONGEST or not text.isprintable():
        raise ValueError(f"{about.field_name} is not valid; allowed are at most {LONGEST} printable characters.")
    return text


def checked_by(check: Callable[[str], object]) -> AfterValidator:
    """The text stays as it is, if `check` raises no ValueError, whose sentence begins with the name of the setting."""

    def checked(text: str) -> str:
        check(text)
        return text

    return AfterValidator(checked)


def only(is_allowed: Callable[[Any], bool]) -> AfterValidator:
    """What is allowed says the field."""

    def checked(value: Any) -> Any:
        if not is_allowed(value):
            raise PydanticCustomError("not_allowed", "is not allowed.")
        return value

    return AfterValidator(checked)


def are_groups(text: str) -> bool:
    return bool(entries(text)) and set(entries(text)) <= set(GROUPS)


def are_disks(text: str) -> bool:
    return len(entries(text)) <= MAX_DISKS and all(map(os.path.isabs, entries(text)))


def is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        is_web = parts.port != 0 and parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return False
    # In a request line a space would end the address.
    return is_web and url.isascii() and not re.search(r"[\x00-\x20\x7f]", url)


def refuse_login(url: str) -> None:
    if "@" in urlsplit(url).netloc:
        raise ValueError("url is not valid: it holds a login, which everyone would see. Put it into headers.")


Text = Annotated[str, AfterValidator(check_text)]
Values = Annotated[Text, checked_by(partial(parse_sources, setting="values"))]


class SensorSettings(KindSettings):
    @model_validator(mode="before")
    @classmethod
    def leave_out_empty(cls, given: dict[str, Any]) -> dict[str, Any]:
        """What is empty has its default."""
        return {name: value for name, value in given.items() if value is not None and value != ""}


class DigitempSettings(SensorSettings):
    port: Annotated[Text, checked_by(lambda port: port == USB or check_port(port))] = field(
        "", help="Serial port of the 1-Wire adapter; USB for a DS2490; empty: the only free one."
    )
    program: Literal["digitemp_DS9097", "digitemp_DS9097U", "digitemp_DS2490"] = field(
        "digitemp_DS9097", help="The digitemp program for the adapter."
    )


class ArduinoSettings(SensorSettings):
    port: Annotated[Text, checked_by(check_port)] = field(
        "", help="Serial port of the microcontroller; empty: the only free one."
    )
    baud_rate: Annotated[int, only(BAUD_RATES.__contains__)] = field(
        9600, help="Baud rate of the port.", allowed=f"one of {', '.join(map(str, BAUD_RATES))}"
    )
    order: Annotated[Text, checked_by(parse_order)] = field(
        "temperature,humidity", help="The quantities of a line of numbers, in their order; - for one that is not used."
    )
    decimal: Literal["auto", "point", "comma"] = field(
        "auto", help="The decimal sign; auto: recognised, and a line that has two meanings is refused."
    )
    pattern: Annotated[Text, checked_by(parse_pattern)] = field(
        "", help="A regular expression for other lines. Its named groups are quantities."
    )


class HostSettings(SensorSettings):
    groups: Annotated[Text, only(are_groups)] = field(
        ",".join(GROUPS), help="What is read.", allowed=f"some of {', '.join(GROUPS)}, with commas"
    )
    disks: Annotated[Text, only(are_disks)] = field(
        "/", help="Mount points whose free space is read.", allowed=f"at most {MAX_DISKS} absolute paths, with commas"
    )


class MqttSettings(SensorSettings):
    host: Text = field(help="Name or address of the broker.")
    port: int = field(0, help="Its port; 0 for 1883, and 8883 with TLS.", ge=0, le=65535)
    user: Text = field("", help="User name.")
    password: Text = field("", help="Password.", secret=True)
    tls: bool = field(False, help="Whether the connection is encrypted. The broker's certificate is verified.")
    topics: Annotated[Text, checked_by(parse_topics)] = field(
        help="What is read, such as balcony/temp=temperature, station/json:outside.hum=humidity:Roof.",
        allowed="topic[:path]=quantity[:label], with commas",
    )


class HttpSettings(SensorSettings):
    url: Annotated[Text, only(is_url), checked_by(refuse_login)] = field(
        help="Address whose answer is JSON.", allowed="an http:// or https:// URL"
    )
    query: Text = field(
        "", help="Added to the address after a question mark: a key of the service.", secret=True,
        pattern=r'^[!"$-~]*$', allowed="the text after a question mark, such as appid=abc",
    )  # fmt: skip
    headers: Annotated[Text, checked_by(parse_headers)] = field(
        "", help='Headers of the request as JSON, such as {"X-Key": "abc"}.', secret=True
    )
    values: Values = field(
        help="Which values are read, such as outside.temp=temperature:Roof, wind.0=wind.",
        allowed="path=quantity[:label], with commas",
    )
    time: Text = field("", help="Path to the time of the values: ISO 8601, or Unix seconds.")


class CommandSettings(SensorSettings):
    command: Annotated[list[Text], only(lambda words: 0 < len(words) <= MAX_WORDS and bool(words[0]))] = field(
        help="The program and its arguments.", file_only=True,
        allowed=f"a list of 1 to {MAX_WORDS} texts, such as [/usr/bin/temp, -c]",
    )  # fmt: skip
    quantity: QuantityName = field("temperature", help="What an output of one number is.")
    values: Values = field(
        "", help="Paths in an output of JSON; without it, its members are read by their names.",
        allowed="path=quantity[:label], with commas",
    )  # fmt: skip


class SimulatedSettings(SensorSettings):
    temperature: float = field(10.0, help="Mean temperature in °C.")
    amplitude: float = field(5.0, help="How far it rises and falls in a day, in °C.")
    humidity: float = field(60.0, help="Relative humidity in percent.", ge=0, le=100)
    fault: Literal["none", "silent", "error", "power_on", "unplugged", "noise"] = field(
        "none", help="A fault to simulate."
    )


def settings_model(kind: str) -> type[SensorSettings]:
    """KeyError for a kind that does not exist."""
    found: type[SensorSettings] = driver_class(kind).settings_model
    return found


class SettingsRefused(ValueError):
    """`sentences`: one for each setting that is unknown, missing or wrong, which begins with its name."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


def checked_settings(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The complete settings of the kind, with defaults. SettingsRefused."""
    model = settings_model(kind)
    try:
        return model.model_validate(dict(given)).model_dump()
    except ValidationError as refused:
        # One that is misspelt makes another one missing.
        unknown = [error for error in refused.errors() if error["type"] == "extra_forbidden"]
        raise SettingsRefused([settings_sentence(model, error) for error in unknown or refused.errors()]) from None


def settings_sentence(model: type[SensorSettings], error: Mapping[str, Any]) -> str:
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        return f"{name} is not a setting of this kind; there are {', '.join(sorted(model.model_fields)) or 'none'}."
    if error["type"] == "missing":
        return f"{name} is missing: {model.model_fields[name].description}"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    return f"{name} is not valid; allowed is {allowed_text(model, name)}."


def completed_settings(kind: str, stored: Mapping[str, Any]) -> dict[str, Any]:
    """What a row has stored, with the defaults of the rest: an empty secret is not stored, and an older version did not
    know every setting."""
    fields = settings_model(kind).model_fields
    found = {name: about.default for name, about in fields.items() if not about.is_required()} | dict(stored)
    # In the order of the model, whatever the row has.
    return {name: found[name] for name in (*fields, *found) if name in found}
