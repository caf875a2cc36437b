"""Which keys of the configuration the hosts of a station share. Django-free."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlencode

if TYPE_CHECKING:
    from skycam_project.config.keys import Key

DATABASE: Key = ("database_url",)
BROKER: Key = ("redis_url",)
CAMERA_BROKER: Key = ("camera_redis_url",)
EQUAL: tuple[Key, ...] = (("station", "id"), ("address_secret",))
"""Keys that must be equal on all hosts of a station."""
IF_SET: tuple[Key, ...] = (("station", "name"), ("file_names",), ("web", "public_url"), ("database", "allow_plain"))
"""Keys that a new host gets if this machine's configuration sets them."""
PLACEHOLDER = "skycam-file:"
"""In a URL before the name of one of the files."""
FILE_OPTIONS = {
    DATABASE: ("sslrootcert", "sslcert", "sslkey", "sslcrl"),
    BROKER: ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"),
    CAMERA_BROKER: ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"),
}
"""Options of a URL that name a file, which the new host gets."""
NO_FILES = frozenset({"", "system"})
"""Values of these options that name no file."""


def with_options(parts: SplitResult, options: Mapping[str, str]) -> str:
    return parts._replace(query=urlencode(options, safe="/:")).geturl()
