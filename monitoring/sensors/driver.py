"""What a kind of sensor implements. A driver runs in a process of its own, which the host kills when it hangs.
Django-free."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from core.outgoing import OutgoingGuard


class SensorError(Exception):
    """The sensor cannot be read. The message names the thing, the cause and the next step, without secrets. A
    `permanent` one does not go away by trying again: a wrong setting, a missing program."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Sample:
    """One value. `channel` tells the values of a sensor apart and stays the same for the life of the device, such as
    the ROM of a DS18B20: at most 80 printable characters. `age_s` is how old the value is, if the source says so."""

    channel: str
    quantity: str
    value: float
    label: str = ""
    """How the channel is called until a user names it; the channel if empty."""
    age_s: float = 0.0
    is_valid: bool = True
    """False for a value that the device's own documentation calls an error, such as 85.00 of a DS18B20: implausible."""


@dataclass(frozen=True, slots=True)
class Option:
    """A setting of a kind. `type` is how forms and the command line ask for it; `choices` limits it."""

    name: str
    meaning: str
    default: Any
    type: type = str
    allowed: str = ""
    """What a valid value is, for the message about another one."""
    secret: bool = False
    required: bool = False
    choices: tuple[str, ...] = ()
    from_file_only: bool = False
    """Set by the configuration file alone, because it names a program to run."""


@dataclass(frozen=True, slots=True)
class Found:
    """A device that discovery has seen. `settings` are those with which it can be added."""

    kind: str
    label: str
    settings: Mapping[str, Any]
    note: str = ""


class SensorDriver(ABC):
    """One sensor. `settings` are all those of the kind, with the secrets, as `check_settings` returns them.

    It owns no thread and retries nothing: an error is raised as SensorError, and the process opens it again.
    """

    options: ClassVar[tuple[Option, ...]] = ()
    shortest_interval_s: ClassVar[float] = 0.1
    sends_by_itself: ClassVar[bool] = False
    """Whether `read` waits for what the device sends, instead of asking it."""
    on_dashboard: ClassVar[tuple[str, ...]] = ("*",)
    """Patterns of the channels that the dashboard shows until a manager chooses others."""
    deadline_s: ClassVar[float] = 10.0
    """For each call of `open` and `read`; then the process is killed."""

    def __init__(self, settings: Mapping[str, Any], guard: OutgoingGuard) -> None:
        self.settings, self.guard = settings, guard

    @classmethod
    def check_settings(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The complete settings of this kind, with defaults. ValueError with a sentence for a setting that is unknown,
        missing or wrong. Opens nothing."""
        return checked_options(cls.options, settings)

    @classmethod
    def complete_settings(cls, stored: Mapping[str, Any]) -> dict[str, Any]:
        """What a row has stored, with the defaults of the rest: an empty secret is not stored, and an older version did
        not know every setting."""
        return {**{option.name: option.default for option in cls.options}, **stored}

    @classmethod
    def detect(cls, deadline_s: float) -> list[Found]:
        """Devices of this kind on this machine, within `deadline_s`. Never disturbs a device that is in use."""
        return []

    def open(self, deadline_s: float) -> None:
        """Connect. SensorError. Called before the first `read`, and again after each error and `close`."""

    @abstractmethod
    def read(self, deadline_s: float) -> list[Sample]:
        """The values of now, of a source that is asked; or those that arrived since the last call, of a source that
        sends by itself: then it returns at the latest after `deadline_s`, also without a value. SensorError."""

    def close(self) -> None:
        """Also after an error, and twice."""


def checked_options(options: tuple[Option, ...], settings: Mapping[str, Any]) -> dict[str, Any]:
    """`settings` with the defaults of `options`. ValueError with a sentence."""
    names = {option.name for option in options}
    if unknown := sorted(set(settings) - names):
        raise ValueError(f"{unknown[0]} is not a setting of this kind; there are {', '.join(sorted(names)) or 'none'}.")
    return {option.name: _checked(option, settings.get(option.name)) for option in options}


def _checked(option: Option, given: Any) -> Any:
    if given is None or given == "":
        if option.required:
            raise ValueError(f"{option.name} is missing: {option.meaning}")
        return option.default
    value = given
    try:
        # The command line and the forms give texts.
        if option.type in {int, float} and not isinstance(given, bool):
            value = option.type(given)
        elif option.type is bool and isinstance(given, str):
            value = {"true": True, "false": False}[given.lower()]
    except (TypeError, ValueError, OverflowError, KeyError):
        value = given
    if option.type is list:
        return _checked_list(option, value)
    is_right = type(value) is option.type and (not option.choices or value in option.choices)
    # NaN and infinity are floats that no setting means.
    if not is_right or (isinstance(value, float) and not abs(value) < float("inf")):
        allowed = option.allowed or ", ".join(option.choices) or f"a {option.type.__name__}"
        raise ValueError(f"{option.name} is not valid; allowed is {allowed}.")
    if isinstance(value, str) and (len(value) > 1000 or not value.isprintable()):
        raise ValueError(f"{option.name} is not valid; allowed are at most 1000 printable characters.")
    return value


def _checked_list(option: Option, value: Any) -> list[str]:
    """Texts, for a program and its arguments."""
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise ValueError(f"{option.name} is not valid; allowed is {option.allowed or 'a list of texts'}.")
    if any(len(part) > 1000 or not part.isprintable() for part in value):
        raise ValueError(f"{option.name} is not valid; allowed are texts of at most 1000 printable characters.")
    return list(value)
