"""What a capture may be given: the settings that every kind of camera has, and the options of a single capture, which
a driver declares in its capabilities. The web checks a request against those that the camera reported last, and the
camera process checks it again. Django-free."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any, Literal, TypeAlias

from core.api.model import join_choices
from core.resources.fields import KindSettings, field
from core.text.sentences import did_you_mean


class DriverSettings(KindSettings):
    """Settings that every driver understands; a driver's own `Settings` adds its own.

    None leaves the camera's own value. Unknown names are refused.
    """

    # The bounds only refuse values that no camera has: requests come from users and programs. Each camera's own range
    # follows in `apply`.
    exposure_us: int | None = field(None, ge=1, le=3_600_000_000, help="microseconds")
    gain: float | None = field(None, ge=0, le=1000)
    iso: int | None = field(None, ge=1, le=10_000_000)
    f_number: float | None = field(None, gt=0, le=128)


OptionType = Literal["choices", "boolean", "number", "words", "text"]
OptionValue: TypeAlias = bool | int | float | str | dict[str, str]
LONGEST_TEXT = 500
MOST_WORDS, LONGEST_WORD = 100, 256
"""Of an option of the type `words`, and of each text in it."""
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
MOST_CHARACTERS = 4000
"""In all options of a capture, as JSON: they are part of each record."""
TRUE, FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@dataclass(frozen=True, slots=True)
class Option:
    """`choices`: one of some texts. `boolean`: true or false. `number`: from `minimum` to `maximum`, a whole one with
    `is_whole`. `words`: names with a short text each. `text`: one line of at most `longest` characters.

    The label and the help are shown to users.
    """

    type: OptionType
    label: str
    help: str = ""
    choices: list[str] = dataclass_field(default_factory=list)
    minimum: float = 0
    maximum: float = 0
    is_whole: bool = False
    longest: int = LONGEST_TEXT
    default: bool | int | float | str | None = None
    """What an exposure without the option has; None where the camera decides."""


def option_errors(declared: Mapping[str, Option], given: Any) -> dict[str, str]:
    """The name of each option in `given` that the camera does not take -> a sentence. The name is empty for all options
    together."""
    if not isinstance(given, Mapping):
        return {"": "Options are names with a value each."}
    errors = {name: _check(declared, name, value) for name, value in given.items()}
    found = {name: sentence for name, sentence in errors.items() if sentence}
    if not found and len(json.dumps(given)) > MOST_CHARACTERS:
        found[""] = f"The options have more than {MOST_CHARACTERS} characters together. Shorten them."
    return found


def parse_options(declared: Mapping[str, Option], pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Options from texts, as a form or a command line has them. `NAME.WORD` is one of the words of NAME. A text that is
    no value of its option stays, so that `option_errors` can name it."""
    found: dict[str, Any] = {}
    for name, text in pairs:
        option, dot, word = name.partition(".")
        if dot and option in declared and declared[option].type == "words":
            found[option] = {**found.get(option, {}), word: text}
        elif name in declared and declared[name].type == "boolean" and text.lower() in (*TRUE, *FALSE):
            found[name] = text.lower() in TRUE
        elif name in declared and declared[name].type == "number":
            found[name] = _parse_number(text)
        else:
            found[name] = text
    return found


def _parse_number(text: str) -> int | float | str:
    for convert in (int, float):
        with suppress(ValueError):
            return convert(text)
    return text


def _check(declared: Mapping[str, Option], name: str, value: Any) -> str:
    option = declared.get(name)
    return _describe_unknown(name, declared) if option is None else CHECKS[option.type](option, value)


def _describe_unknown(name: str, declared: Mapping[str, Option]) -> str:
    if not declared:
        return "This camera takes no options."
    return f"There is no such option.{did_you_mean(name, list(declared))} This camera has: {', '.join(declared)}."


def _check_choice(option: Option, value: Any) -> str:
    return "" if isinstance(value, str) and value in option.choices else f"Choose {join_choices(option.choices)}."


def _check_boolean(_option: Option, value: Any) -> str:
    return "" if isinstance(value, bool) else "Give true or false."


def _check_number(option: Option, value: Any) -> str:
    is_number = isinstance(value, int if option.is_whole else (int, float)) and not isinstance(value, bool)
    if is_number and option.minimum <= value <= option.maximum:
        return ""
    kind = "whole number" if option.is_whole else "number"
    return f"Give a {kind} from {option.minimum:g} to {option.maximum:g}."


def _check_text(option: Option, value: Any) -> str:
    return "" if _is_line(value, option.longest) else f"Give one line of at most {option.longest} characters."


def _check_words(_option: Option, value: Any) -> str:
    if not isinstance(value, dict) or len(value) > MOST_WORDS:
        return f"Give at most {MOST_WORDS} words with a text each, such as name: value."
    for word, text in value.items():
        if not isinstance(word, str) or not WORD.fullmatch(word):
            return f"{str(word)[:80]!r} is no word: at most 64 letters, digits, - and _, with a letter first."
        if not _is_line(text, LONGEST_WORD):
            return f"{word} has to be one line of at most {LONGEST_WORD} characters."
    return ""


def _is_line(value: Any, longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest and (value.isprintable() or not value)


CHECKS: dict[OptionType, Callable[[Option, Any], str]] = {
    "choices": _check_choice,
    "boolean": _check_boolean,
    "number": _check_number,
    "words": _check_words,
    "text": _check_text,
}
"""Type of option -> what checks a value: a sentence, empty for a value that the option takes."""
