"""The section `files`: how the other machines of a station get the files of this host."""

from __future__ import annotations

import ipaddress
from typing import Self

from pydantic import model_validator

from core.addresses import is_private_host
from skycam_project.config.keys import PORT, Section, key
from skycam_project.config.web import HOST_PATTERN

ALL_ADDRESSES = ("0.0.0.0", "::")  # noqa: S104 - without a certificate only private networks are answered


class FilesConfig(Section):
    """The file server that each host of a station of several machines runs (docs/station/several-hosts.md)."""

    host: str = key(
        ALL_ADDRESSES[0],
        "Address that the file server listens on. Without a certificate it answers private networks only.",
        "an IP address or a host name",
        pattern=HOST_PATTERN,
    )
    port: int = key(8002, "Port of the file server.", PORT, env="FILES_PORT", ge=1, le=65535)
    announce: str = key(
        "",
        "Address under which the other machines reach this host's file server, for example behind NAT.",
        "an address such as https://roof.example.org:8002",
        unset="the address from which this host reaches the database",
        pattern=r"^(https?://[A-Za-z0-9.:_\[\]-]{1,253}/?)?$",
    )
    certificate: str = key("", "File with the certificate of the file server, in PEM form.", "a file's path")
    certificate_key: str = key("", "File with the private key of that certificate.", "a file's path")
    authority: str = key(
        "",
        "File with the certificates of the authorities that this machine trusts for the file servers of other hosts.",
        "a file's path",
        unset="those of the system",
    )
    x_accel: str = key(
        "",
        "URL prefix under which nginx fetches files of other hosts (X-Accel-Redirect).",
        "empty, or a path that begins and ends with /",
        unset="the web part relays them",
        pattern=r"^(/([^\s]*/)?)?$",
    )

    @model_validator(mode="after")
    def certificate_and_key(self) -> Self:
        if bool(self.certificate) != bool(self.certificate_key):
            raise ValueError("files.certificate and files.certificate_key belong together; set both, or none.")
        if not self.certificate and self.host not in ALL_ADDRESSES and not is_private_host(self.host):
            raise ValueError(
                "files.host is an address outside private networks, where files need TLS. Set files.certificate and "
                "files.certificate_key."
            )
        return self

    def announced(self, reached_from: str) -> str:
        """The address that other machines use. `reached_from`: from where this host reaches the database."""
        if self.announce:
            return self.announce.rstrip("/")
        host = reached_from if self.host in ALL_ADDRESSES else self.host
        return f"{'https' if self.certificate else 'http'}://{_bracketed(host)}:{self.port}"


def _bracketed(host: str) -> str:
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host
