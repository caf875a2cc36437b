"""The station's configuration: defaults < YAML < `.env` < environment, read once, typed and validated.

Django's `settings.STATION` is the `SkycamConfig` loaded here. No other code reads the environment.
"""

from skycam_project.config.folder import ConfigError, NoStation, check_writable, socket_path
from skycam_project.config.manager import ConfigManager, choose_config, load_config
from skycam_project.config.model import SkycamConfig
from skycam_project.config.sections import CameraConfig, SensorConfig

__all__ = [
    "CameraConfig",
    "ConfigError",
    "ConfigManager",
    "NoStation",
    "SensorConfig",
    "SkycamConfig",
    "check_writable",
    "choose_config",
    "load_config",
    "socket_path",
]
