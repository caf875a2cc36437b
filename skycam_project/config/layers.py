"""Configuration layers above the defaults, whose values know where they were written; reads `.env` and environment."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dotenv.parser import parse_stream

from skycam_project.config.keys import Key
from skycam_project.config.model import DOTENV_VARIABLES, KEYS, VARIABLES, key_option

CONFIG_VARIABLE = "SKYCAM_CONFIG"
# The launcher sets these for its children; they are no keys.
LAUNCHER_VARIABLES = frozenset(["SKYCAM_PART", "SKYCAM_HEARTBEAT_FD"])
DOTENV_NAMES = VARIABLES | DOTENV_VARIABLES
OWN_PREFIXES = ("SKYCAM_", *{f"{variable.partition('__')[0]}__" for variable in VARIABLES if "__" in variable})
"""Prefixes of Skycam's own variables: an unknown variable with one of them is refused."""
HIDDEN = "This value"
LONGEST_SHOWN = 80


@dataclass(frozen=True)
class GivenValue:
    """One value as the user wrote it: `where` (file, line and key), `shown` (what may be printed of it), and `base`,
    the folder that its relative paths start from."""

    value: Any
    where: str
    shown: str
    base: Path
    parts: Mapping[Key, Part] = field(default_factory=dict)
    """Of a list of sections: what stands in it, by its key. The items are counted from 1."""
    written: Any = None
    """Of a list of sections: the value with its references to variables."""


@dataclass(frozen=True)
class Part:
    """A value inside a list of sections. `allowed` is empty for a section."""

    where: str
    shown: str = ""
    allowed: str = ""


@dataclass
class Layer:
    """The values of one source, and its problems."""

    values: dict[Key, GivenValue] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def did_you_mean(name: str, known: Iterable[str], allowed: Iterable[str] = ()) -> str:
    """The end of a message about an unknown name: the closest of `known`, and the names that are allowed here."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    return (f"Did you mean {near[0]}? " if near else "") + f"Allowed here: {', '.join(sorted(allowed or known))}."


def read_environment(variables: Mapping[str, str], base: Path) -> Layer:
    layer = Layer()
    for name, value in sorted(variables.items()):
        add_variable(layer, name, value, f"environment: {name}", base)
    return layer


def read_dotenv(path: Path) -> tuple[Layer, dict[str, str]]:
    """The layer of a `.env` file, and all its variables, which YAML may refer to. A key's own variable takes precedence
    over the name that is read only from `.env`."""
    layer, variables = Layer(), {}
    try:
        with path.open(encoding="utf-8") as stream:
            # The parser, because dotenv_values() knows no lines and skips lines that it cannot parse. False sorts
            # first, so a key's own variable comes after its other name and overrides it.
            bindings = sorted(parse_stream(stream), key=lambda found: found.key not in DOTENV_VARIABLES)
    except (OSError, UnicodeDecodeError) as error:
        return Layer(problems=[f"{path}: this file cannot be read: {reason(error)}."]), {}
    for binding in bindings:
        line = binding.original.line + leading_newlines(binding.original.string)
        if binding.error:
            layer.problems.append(f"{path}:{line}: this line is not NAME=value.")
        elif binding.key is not None:
            variables[binding.key] = binding.value or ""  # a foreign name too: YAML may refer to it
            where = f"{path}:{line}: {binding.key}"
            add_variable(layer, binding.key, binding.value or "", where, path.parent, DOTENV_NAMES)
    if CONFIG_VARIABLE in variables:
        layer.problems.append(
            f"{path}: {CONFIG_VARIABLE} has no effect here; set it in the environment or use --config."
        )
    return layer, variables


def leading_newlines(text: str) -> int:
    """The parser counts empty lines towards the binding that follows them."""
    return text[: len(text) - len(text.lstrip())].count("\n")


def add_variable(
    layer: Layer, name: str, text: str, where: str, base: Path, names: Mapping[str, Key] = VARIABLES
) -> None:
    """Add a variable of Skycam's; refuse an unknown one with Skycam's prefix. An empty variable counts as not set."""
    if name not in names:
        if name.startswith(OWN_PREFIXES) and name not in {CONFIG_VARIABLE, *LAUNCHER_VARIABLES}:
            layer.problems.append(f"{where}: there is no such variable. {unknown_variable(name)}")
        return
    if text:
        key = names[name]
        shown = HIDDEN if key_option(key, "secret") else shorten(text)
        layer.values[key] = GivenValue(from_text(key, text), where, shown, base)


def unknown_variable(name: str) -> str:
    key = tuple(name.removeprefix("SKYCAM_").lower().split("__"))
    for variable, known in VARIABLES.items():
        if known == key:
            return f"The variable of this key is {variable}."
    section = name.rpartition("__")[0]
    inside = [variable for variable in VARIABLES if section and variable.startswith(f"{section}__")]
    outside = [*(variable for variable in VARIABLES if "__" not in variable), "SKYCAM_<SECTION>__<KEY>"]
    return did_you_mean(name, VARIABLES, inside or outside)


def from_text(key: Key, text: str) -> Any:
    """The value of a variable's text. A list is split, or parsed as JSON when it begins with `[`."""
    if not str(KEYS[key].annotation).startswith("list"):
        return text
    if not text.startswith("["):
        return [part.strip() for part in text.split(key_option(key, "separator")) if part.strip()]
    try:
        return json.loads(text)
    # The model refuses the text, with a message that says what is allowed.
    except ValueError:
        return text


def reason(error: Exception) -> str:
    return str(getattr(error, "strerror", "") or "it is not text in UTF-8")


def shorten(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def merge_layers(layers: Iterable[Layer]) -> Layer:
    """One layer from all: later values override earlier ones, and problems accumulate."""
    whole = Layer()
    for layer in layers:
        whole.values |= layer.values
        whole.problems += layer.problems
    return whole
