"""The options of a camera in the form that starts a session: those that are choices, and those that are yes or no. The
other types are for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cameras.drivers.options import Option, option_errors, parse_options

PREFIX = "option."
BOOLEANS = {"true": "yes", "false": "no"}


@dataclass(frozen=True, slots=True)
class OptionField:
    """`choices` are the values of the form, with their words; without one of them the default applies."""

    name: str
    label: str
    help: str
    default: str
    value: str
    choices: dict[str, str]
    error: str

    @property
    def ident(self) -> str:
        return f"start-option-{self.name.removeprefix(PREFIX)}"


def simple_options(declared: Mapping[str, Option]) -> dict[str, Option]:
    return {name: option for name, option in declared.items() if option.type in ("choices", "boolean")}


def option_fields(
    declared: Mapping[str, Option], data: Mapping[str, str], errors: Mapping[str, str]
) -> list[OptionField]:
    return [_option_field(f"{PREFIX}{name}", option, data, errors) for name, option in simple_options(declared).items()]


def _option_field(name: str, option: Option, data: Mapping[str, str], errors: Mapping[str, str]) -> OptionField:
    choices = BOOLEANS if option.type == "boolean" else {choice: choice for choice in option.choices}
    default = BOOLEANS[str(option.default).lower()] if isinstance(option.default, bool) else option.default
    return OptionField(
        name=name,
        label=option.label,
        help=option.help,
        default=f"{default} (default)" if default else "the camera's own",
        value=data.get(name, ""),
        choices=choices,
        error=errors.get(name, ""),
    )


def read_options(declared: Mapping[str, Option], data: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The options that were chosen, and a sentence for each wrong one, by the name of its field."""
    simple = simple_options(declared)
    options = parse_options(simple, [(name, text) for name in simple if (text := data.get(f"{PREFIX}{name}", ""))])
    errors = option_errors(simple, options)
    return options, {f"{PREFIX}{name}": sentence for name, sentence in errors.items()}
