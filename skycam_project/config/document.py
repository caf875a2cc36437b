"""The YAML layer: the document checked against the model, each value with its line, `${NAME}` replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from skycam_project.config.keys import Key, Section
from skycam_project.config.layers import HIDDEN, GivenValue, Layer, Part, did_you_mean, reason, shorten
from skycam_project.config.model import (
    KEYS,
    SkycamConfig,
    field_option,
    fields_of,
    items_section,
    key_option,
    section_of,
)

REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$\{")
MOST_NODES = 100_000
"""Values of a document, in each place where an anchor repeats them."""
QUOTED = re.compile(r"(['\"])(.*?)\1")
# PyYAML is installed without the C loader where libyaml is missing.
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_document(path: Path, variables: Mapping[str, str]) -> Layer:
    """The layer of a YAML file, with `${NAME}` replaced from `variables`."""
    layer = Layer()
    try:
        with path.open("rb") as stream:
            # compose() returns nodes. yaml.safe_load() would return values, which do not know their lines.
            root = yaml.compose(stream, Loader=Loader)
    except yaml.MarkedYAMLError as error:
        layer.problems.append(not_yaml(path, error))
    except (OSError, yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        layer.problems.append(f"{path}: this file cannot be read: {reason(error)}.")
    else:
        if root is not None and has_too_many(root):
            layer.problems.append(f"{path}: this file has more than {MOST_NODES} values, or an anchor inside itself.")
        elif root is not None:
            YamlReader(path, variables, layer).section(SkycamConfig, root, ())
    return layer


def has_too_many(root: yaml.Node) -> bool:
    """Whether the document has more than MOST_NODES: anchors inside anchors make a short file as long as they like."""
    waiting, count = [root], 0
    while waiting:
        node, count = waiting.pop(), count + 1
        if count > MOST_NODES:
            return True
        if isinstance(node, yaml.MappingNode):
            waiting += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
    return False


def not_yaml(path: Path, error: yaml.MarkedYAMLError) -> str:
    """The line and the reason, without the text of the line, which may be a secret. Punctuation may be shown."""
    mark = error.problem_mark or error.context_mark
    line = f":{mark.line + 1}" if mark else ""
    cause = QUOTED.sub(lambda quoted: quoted[0] if len(quoted[2]) < 3 else "...", error.problem or "it cannot be read")
    return f"{path}{line}: this is not YAML: {cause}."


SHORTHANDS: dict[Key, str] = {("station",): "id"}
"""A section -> the key that a plain value in place of the section sets."""


@dataclass
class YamlReader:
    """Reads a YAML document along the model."""

    path: Path
    variables: Mapping[str, str]
    layer: Layer

    def section(self, model: type[Section], node: yaml.Node, prefix: Key) -> None:
        if is_null(node):  # a section whose keys are all commented out
            return
        if not isinstance(node, yaml.MappingNode):
            self.refuse(
                node, prefix, f"this must be a mapping of keys. Allowed here: {', '.join(sorted(model.model_fields))}."
            )
            return
        seen: set[str] = set()
        for key_node, value_node in node.value:
            name = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            where = (*prefix, name)
            # PyYAML accepts a repeated key, and its last value wins.
            if name in seen:
                self.refuse(key_node, where, "this key is given twice; keep one.")
            elif name not in model.model_fields:
                self.refuse(key_node, where, f"there is no such key. {did_you_mean(name, model.model_fields)}")
            elif where in SHORTHANDS and isinstance(value_node, yaml.ScalarNode):
                self.value(value_node, (*where, SHORTHANDS[where]))
            elif section := section_of(model.model_fields[name]):
                self.section(section, value_node, where)
            else:
                self.value(value_node, where)
            seen.add(name)

    def value(self, node: yaml.Node, key: Key) -> None:
        """Read one value; null means the default."""
        if is_null(node) or self.uses_generated_secret_key(node, key):
            return
        before, parts = len(self.layer.problems), dict[Key, Part]()
        if (model := items_section(KEYS[key])) is not None:
            self.items(model, node, key, parts)
        plain = self.construct(node, key)
        plain = [without_nulls(model, item) for item in plain] if model and isinstance(plain, list) else plain
        expanded = self.expand(plain, node, key)
        # A value with a problem is left out, so that the model does not report it a second time.
        if len(self.layer.problems) == before:
            # As written, not as expanded: a variable that is referred to may hold a secret of another program.
            # In place of a list, a mapping may hold a password; in place of a list of sections, an address as well.
            may_hold_secret = isinstance(plain, dict) or (model is not None and "://" in str(plain))
            shown = HIDDEN if key_option(key, "secret") or may_hold_secret else shorten(plain)
            self.layer.values[key] = GivenValue(
                expanded, self.where(node, key), shown, self.path.parent, parts, plain if parts else None
            )

    def items(self, model: type[Section], node: yaml.Node, key: Key, parts: dict[Key, Part]) -> None:
        """Check the keys of a list of sections, and note where its values stand."""
        for number, item in enumerate(node.value if isinstance(node, yaml.SequenceNode) else (), start=1):
            self.item(model, item, (*key, str(number)), parts)

    def item(self, model: type[Section], node: yaml.Node, key: Key, parts: dict[Key, Part]) -> None:
        fields, seen = fields_of(model), set[str]()
        parts[key] = Part(self.where(node, key))
        if not isinstance(node, yaml.MappingNode):
            self.refuse(node, key, f"this must be a mapping of keys. Allowed here: {', '.join(sorted(fields))}.")
            return
        for key_node, value_node in node.value:
            name = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?"
            where = (*key, name)
            if name in seen:
                self.refuse(key_node, where, "this key is given twice; keep one.")
            elif name not in fields:
                self.refuse(key_node, where, f"there is no such key. {did_you_mean(name, fields)}")
            elif section := section_of(fields[name]):
                self.item(section, value_node, where, parts)
            else:
                is_secret = field_option(fields[name], "secret")
                shown = HIDDEN if is_secret else shorten(self.construct(value_node, key[:1]))
                parts[where] = Part(self.where(value_node, where), shown, field_option(fields[name], "allowed"))
                self.mapping(value_node, where, parts)
            seen.add(name)

    def mapping(self, node: yaml.Node, key: Key, parts: dict[Key, Part]) -> None:
        """Note where the values of a mapping stand whose keys are not known here, such as a camera's settings."""
        for number, item in enumerate(node.value if isinstance(node, yaml.SequenceNode) else (), start=1):
            self.mapping(item, (*key, str(number)), parts)
        for key_node, value_node in node.value if isinstance(node, yaml.MappingNode) else ():
            where = (*key, str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else "?")
            if where in parts:
                self.refuse(key_node, where, "this key is given twice; keep one.")
            parts[where] = Part(self.where(value_node, where), HIDDEN)
            self.mapping(value_node, where, parts)

    def uses_generated_secret_key(self, node: yaml.Node, key: Key) -> bool:
        """An unset ${DJANGO_SECRET_KEY} means the key that the station generates."""
        is_reference = key == ("web", "secret_key") and node.value == "${DJANGO_SECRET_KEY}"
        return is_reference and not self.variables.get("DJANGO_SECRET_KEY")

    def construct(self, node: yaml.Node, key: Key) -> Any:
        try:
            constructor = yaml.constructor.SafeConstructor()
            return constructor.construct_object(node, deep=True)
        # ValueError: a date such as 2026-13-45 has the form of a timestamp. LookupError and AttributeError: a tag such
        # as `!!int` before a text that is none.
        except (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError):
            self.refuse(node, key, f"this value cannot be read; allowed is {key_option(key, 'allowed')}.")
            return None

    def expand(self, value: Any, node: yaml.Node, key: Key) -> Any:
        """`value` with each ${NAME} replaced. A variable that is not set is a problem."""
        if isinstance(value, list):
            return [self.expand(part, node, key) for part in value]
        if isinstance(value, dict):
            return {name: self.expand(part, node, key) for name, part in value.items()}
        if not isinstance(value, str):
            return value
        references = [match for match in REFERENCE.finditer(value) if match[0] != "$${"]
        missing = {match[0] for match in references if match[1] not in self.variables}
        for text in sorted(missing):
            self.refuse(node, key, self.missing(text))
        # A function as the replacement: a text would have its backslashes interpreted. One pass: a `${` inside a
        # variable's value stays as it is.
        return value if missing else REFERENCE.sub(lambda match: self.variables.get(match[1], "${"), value)

    def missing(self, text: str) -> str:
        if text == "${":
            return "${ must be followed by a variable's name and }. Write $${ for a literal ${."
        return f"the variable {text[2:-1]} is not set. Set it in the environment or in .env, or write the value here."

    def refuse(self, node: yaml.Node, key: Key, sentence: str) -> None:
        self.layer.problems.append(f"{self.where(node, key)}: {sentence}")

    def where(self, node: yaml.Node, key: Key) -> str:
        place = f"{self.path}:{node.start_mark.line + 1}"
        return f"{place}: {'.'.join(key)}" if key else place


def without_nulls(model: type[Section], item: Any) -> Any:
    """An item of a list of sections without its keys that are null, which means the default."""
    if not isinstance(item, dict):
        return item
    fields = fields_of(model)
    sections = {name: section_of(fields[name]) if name in fields else None for name in item}
    return {
        name: without_nulls(section, part) if (section := sections[name]) else part
        for name, part in item.items()
        if part is not None
    }


def is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"
