"""A YAML file by itself: validated, with the place of each of its values, and without the station's other layers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from skycam_project.config.keys import Key
from skycam_project.config.layers import GivenValue, Layer, read_dotenv
from skycam_project.config.manager import read_yaml, resolve_paths, validate, written_lists
from skycam_project.config.model import SkycamConfig


@dataclass(frozen=True)
class ConfigFile:
    path: Path
    config: SkycamConfig
    """The values of the file over the defaults. Values that depend on the data folder are not filled in."""
    given: Mapping[Key, GivenValue]

    def place_of(self, list_name: str, number: int, *keys: str) -> str:
        """File, line and key of a value in a list of sections, or of the closest one around it. Items are counted from
        1."""
        parts = self.given[(list_name,)].parts
        key: Key = (list_name, str(number), *keys)
        while len(key) > 1 and key not in parts:
            key = key[:-1]
        return parts[key].where if key in parts else self.given[(list_name,)].where


def read_config_file(path: Path | str, environment: Mapping[str, str] | None = None) -> ConfigFile:
    """The file, with `${NAME}` replaced from `environment`, else from the `.env` beside the file. ConfigError lists all
    problems. Nothing is created."""
    file = Path(os.path.abspath(os.path.expanduser(path)))
    variables = os.environ if environment is None else environment
    dotenv = file.parent / ".env"
    _, more = read_dotenv(dotenv) if dotenv.is_file() else (Layer(), {})
    layer = read_yaml(file, {**more, **variables})
    given = {key: resolve_paths(key, value) for key, value in layer.values.items()}
    config = validate(given, layer.problems)
    origins = {key: value.where for key, value in given.items()}
    return ConfigFile(file, config.with_origin(origins, frozenset(), (), written_lists(given)), given)


def config_from_yaml(path: Path | str) -> SkycamConfig:
    return read_config_file(path).config
