"""The settings and the secrets of each kind of destination. Django-free."""

from __future__ import annotations

import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, StrictBool, model_validator

from core.addresses import is_loopback_host
from core.api.model import StrictModel
from core.text.names import Line

HOST = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9._:%\[\]-]+$")]


def _endpoint(value: str) -> str:
    try:
        parts = urlsplit(value)
        plain = parts.scheme in {"http", "https"} and parts.hostname and not (parts.query or parts.fragment)
        complete = plain and parts.path in {"", "/"} and "@" not in parts.netloc and (parts.port or 1) > 0
    except ValueError:
        complete = False
    if not complete:
        raise ValueError("Write it as https://s3.example.org or http://192.168.1.20:9000, without a user and a path.")
    return value.rstrip("/")


def _prefix(value: str) -> str:
    parts = value.strip("/").split("/")
    if value and any(part in {"", ".", ".."} for part in parts):
        raise ValueError("Write it as a path such as station/one.")
    return "/".join(parts) + "/" if value.strip("/") else ""


def _absolute(value: str) -> str:
    if not value.startswith("/") or any(part in {".", ".."} for part in value.split("/")):
        raise ValueError("Write the whole path, such as /mnt/copies, without dots.")
    # One form of each: the path is compared with those of the station.
    return "/" + "/".join(filter(None, value.split("/")))


Prefix = Annotated[Line, Field(max_length=200), AfterValidator(_prefix)]


class KindModel(StrictModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class S3Settings(KindModel):
    endpoint: Annotated[Line, Field(max_length=300), AfterValidator(_endpoint)]
    bucket: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$")]
    access_key: Annotated[Line, Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")]
    prefix: Annotated[Prefix, Field(description="Before the names of all copies.")] = ""
    region: Annotated[str, Field(max_length=60, pattern=r"^[a-z0-9-]+$")] = "us-east-1"
    path_style: Annotated[StrictBool, Field(description="The bucket is in the path and not in the host name.")] = True
    plain_http: Annotated[StrictBool, Field(description="The endpoint may be http://, without TLS.")] = False
    only_copy: Annotated[
        StrictBool, Field(description="Files that are old enough by retention may be kept here alone.")
    ] = False
    redirect: Annotated[
        StrictBool,
        Field(description="Programs with a token, and downloads, get copies at presigned addresses of the server."),
    ] = False

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


class S3Secret(KindModel):
    secret_key: Annotated[Line, Field(min_length=1, max_length=300)]


class SftpSettings(KindModel):
    host: HOST
    port: Annotated[int, Field(ge=1, le=65_535)] = 22
    user: Annotated[Line, Field(min_length=1, max_length=100)]
    path: Annotated[Prefix, Field(description="A folder in the user's home.")] = ""

    def origin(self) -> str:
        return f"sftp://{self.user}@{self.host}:{self.port}"

    def place(self) -> str:
        return f"{self.origin()}/{self.path}"


class SftpSecret(KindModel):
    """One of both."""

    password: Annotated[str, Field(max_length=500)] = ""
    private_key: Annotated[str, Field(max_length=20_000, description="In the OpenSSH or PEM form.")] = ""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if bool(self.password) == bool(self.private_key):
            raise ValueError("Give either a password or a private key.")
        return self


class FolderSettings(KindModel):
    path: Annotated[Line, Field(min_length=2, max_length=500), AfterValidator(_absolute)]

    def origin(self) -> str:
        return f"file://{self.path}"

    def place(self) -> str:
        return self.origin()


class NoSecret(KindModel):
    """A folder needs none."""


Settings = S3Settings | SftpSettings | FolderSettings
Secret = S3Secret | SftpSecret | NoSecret
SETTINGS: dict[str, type[Settings]] = {"s3": S3Settings, "sftp": SftpSettings, "folder": FolderSettings}
"""Kind -> its settings."""
SECRETS: dict[str, type[Secret]] = {"s3": S3Secret, "sftp": SftpSecret, "folder": NoSecret}
"""Kind -> its secrets."""
FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
