"""The settings and the secrets of each kind of destination, which forms, commands and API ask for. Django-free.

Those that are no secret are stored readably, and say the place that the secrets are bound to.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from core.addresses import is_loopback_host
from core.resources.fields import KindSettings, field, together
from core.resources.values import Text
from core.text.names import Line

ENDPOINT = "https://s3.example.org"
ENDPOINT_ALLOWED = f"it as {ENDPOINT} or http://192.168.1.20:9000, without a user and a path"
PATH_ALLOWED = "the whole path, such as /mnt/copies, without dots"


def _endpoint(value: str) -> str:
    try:
        parts = urlsplit(value)
        plain = parts.scheme in {"http", "https"} and parts.hostname and not (parts.query or parts.fragment)
        complete = plain and parts.path in {"", "/"} and "@" not in parts.netloc and (parts.port or 1) > 0
    except ValueError:
        complete = False
    if not complete:
        raise ValueError(f"Write {ENDPOINT_ALLOWED}.")
    return value.rstrip("/")


def _prefix(value: str) -> str:
    parts = value.strip("/").split("/")
    if value and any(part in {"", ".", ".."} for part in parts):
        raise ValueError("Write it as a path such as station/one.")
    return "/".join(parts) + "/" if value.strip("/") else ""


def _absolute(value: str) -> str:
    if not value.startswith("/") or any(part in {".", ".."} for part in value.split("/")):
        raise ValueError(f"Write {PATH_ALLOWED}.")
    # One form of each: the path is compared with those of the station.
    return "/" + "/".join(filter(None, value.split("/")))


Prefix = Annotated[Text, Field(max_length=200), AfterValidator(_prefix)]


class DestinationKind(StrEnum):
    S3 = "s3"
    SFTP = "sftp"
    FOLDER = "folder"


class S3Settings(KindSettings):
    endpoint: Annotated[Text, Field(max_length=300), AfterValidator(_endpoint)] = field(
        title="Server", help="Address of the server.", example=ENDPOINT, allowed=ENDPOINT_ALLOWED
    )
    bucket: str = field(
        title="Bucket", help="Name of the bucket.", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$",
        allowed="the name of the bucket: 2 to 63 letters, digits, dots and hyphens",
    )  # fmt: skip
    prefix: Prefix = field("", title="Prefix", help="Before the names of all copies; may be empty.")
    region: str = field(
        "us-east-1", title="Region", help="Region of the bucket.", max_length=60, pattern=r"^[a-z0-9-]+$",
        allowed="a region such as us-east-1",
    )  # fmt: skip
    path_style: bool = field(True, title="The bucket is in the path, and not in the name of the server")
    plain_http: bool = field(False, title="The server may be http://, without TLS")
    only_copy: bool = field(False, title="Files that are old enough by retention may be kept there alone")
    redirect: bool = field(
        False, title="Programs with a token, and downloads, get copies at presigned addresses of the server"
    )
    access_key: Annotated[Text, Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")] = field(
        title="Access key", help="Id of the key.", allowed="the access key"
    )

    @property
    def host(self) -> str:
        return urlsplit(self.endpoint).hostname or ""

    @property
    def lacks_tls(self) -> bool:
        """Whether copies leave this machine over http:// without permission for it."""
        is_plain = urlsplit(self.endpoint).scheme == "http" and not is_loopback_host(self.host)
        return is_plain and not self.plain_http

    @property
    def port(self) -> int:
        parts = urlsplit(self.endpoint)
        return parts.port or (443 if parts.scheme == "https" else 80)

    def origin(self) -> str:
        """What its secret is bound to."""
        return f"{self.endpoint.lower()} {self.access_key}"

    def place(self) -> str:
        """Where its copies are."""
        return f"{self.endpoint.lower()}/{self.bucket}/{self.prefix}"


class S3Secret(KindSettings):
    secret_key: Annotated[Line, Field(min_length=1, max_length=300)] = field(
        title="Secret key", help="Stored encrypted, and never shown again.", secret=True, allowed="the secret key"
    )


class S3Complete(S3Secret, S3Settings):
    """All of an S3 destination."""


class SftpSettings(KindSettings):
    host: str = field(
        title="Server", help="Its name or address, such as 192.168.1.9.", min_length=1, max_length=253,
        pattern=r"^[A-Za-z0-9._:%\[\]-]+$", allowed="a name or an address",
    )  # fmt: skip
    port: int = field(22, title="Port", help="Its port.", ge=1, le=65_535, allowed="a number from 1 to 65535")
    user: Annotated[Text, Field(min_length=1, max_length=100)] = field(
        title="User", help="Name of the user there.", allowed="the user"
    )
    path: Prefix = field("", title="Folder", help="A folder in the user's home; may be empty.")

    def origin(self) -> str:
        return f"sftp://{self.user}@{self.host}:{self.port}"

    def place(self) -> str:
        return f"{self.origin()}/{self.path}"


class SftpSecret(KindSettings):
    """One of both."""

    password: str = field(
        "", title="Password", help="This, or a private key; stored encrypted, and never shown again.", secret=True,
        max_length=500,
    )  # fmt: skip
    private_key: str = field(
        "", title="Private key", help="Of Ed25519, ECDSA or RSA, in the OpenSSH or PEM form, without a passphrase.",
        secret=True, max_length=20_000,
    )  # fmt: skip

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.password) == bool(self.private_key):
            raise together("password", "Give either a password or a private key.")
        return self


class SftpComplete(SftpSecret, SftpSettings):
    """All of an SFTP destination."""


class FolderSettings(KindSettings):
    path: Annotated[Text, Field(min_length=2, max_length=500), AfterValidator(_absolute)] = field(
        title="Folder", help="On another disk; the same on each host that has files.", example="/mnt/copies",
        allowed=PATH_ALLOWED,
    )  # fmt: skip

    def origin(self) -> str:
        return f"file://{self.path}"

    def place(self) -> str:
        return self.origin()


class NoSecret(KindSettings):
    """A folder needs none."""


Settings = S3Settings | SftpSettings | FolderSettings
Secret = S3Secret | SftpSecret | NoSecret


DESTINATION_KINDS: dict[str, tuple[str, str]] = {
    "folder": ("Folder", "captures.storage.offsite.destinations.settings.FolderSettings"),
    "sftp": ("SFTP", "captures.storage.offsite.destinations.settings.SftpComplete"),
    "s3": ("S3", "captures.storage.offsite.destinations.settings.S3Complete"),
}
"""Kind -> its label, and all that it needs."""
SETTINGS: dict[str, type[Settings]] = {"s3": S3Settings, "sftp": SftpSettings, "folder": FolderSettings}
"""Kind -> what is stored readably."""
SECRETS: dict[str, type[Secret]] = {"s3": S3Secret, "sftp": SftpSecret, "folder": NoSecret}
"""Kind -> its secrets."""
