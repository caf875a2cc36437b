"""The sections `web` (how the pages and the API are reached, and how much one client may ask for) and `files` (how
the other machines of a station get the files of this host)."""

from __future__ import annotations

import ipaddress
from ipaddress import ip_address, ip_network
from typing import Self

from pydantic import field_validator, model_validator

from core.addresses import is_private_host
from skycam_project.config.keys import PORT, YES_NO, Section, key

HOST_PATTERN = r"^[A-Za-z0-9.:_-]{1,253}$"


def known_proxy(text: str) -> str:
    """An address or network in its normal form. The ValueError has no text: then the message says what is allowed."""
    try:
        return str(ip_network(text) if "/" in text else ip_address(text))
    except ValueError:
        raise ValueError from None


class LimitsConfig(Section):
    """Limits on simultaneous work, so that one client cannot lock out the others."""

    head_s: float = key(
        10.0, "Timeout for receiving the head of a request, in seconds.", "a number of seconds from 1 to 600",
        ge=1, le=600,
    )  # fmt: skip
    body_s: float = key(
        30.0, "Timeout for receiving the body of a request, in seconds.", "a number of seconds from 1 to 3600",
        ge=1, le=3600,
    )  # fmt: skip
    connections: int = key(
        1000, "Maximum connections of a server at a time; also limited by the number of open files.",
        "a whole number from 10 to 100000", ge=10, le=100_000,
    )  # fmt: skip
    connections_per_address: int = key(
        250, "Maximum connections per address (IPv6: per /64 network); trusted proxies are not limited.",
        "a whole number from 10 to 100000", ge=10, le=100_000,
    )  # fmt: skip
    requests: int = key(
        64, "Maximum requests processed at a time, each by a thread; others wait up to five seconds.",
        "a whole number from 8 to 1000", ge=8, le=1000,
    )  # fmt: skip
    requests_per_address: int = key(
        32, "Maximum requests of one address processed at a time.", "a whole number from 4 to 1000", ge=4, le=1000
    )
    sockets_per_user: int = key(
        40,
        "Maximum WebSockets per user, in addition to `live_streaming_config.max_viewers_per_user`; a page uses two.",
        "a whole number from 2 to 10000", ge=2, le=10_000,
    )  # fmt: skip


class WebConfig(Section):
    host: str = key(
        "127.0.0.1",
        "Address that the web server listens on; 0.0.0.0 means all.",
        "an IP address or a host name",
        pattern=HOST_PATTERN,
    )
    port: int = key(8080, "Port of the web server.", PORT, env="WEB_PORT", ge=1, le=65535)
    debug: bool = key(False, "Enable Django's debug pages; only if `host` is loopback, and not behind a proxy.", YES_NO)
    tls: bool = key(False, "Whether browsers reach the station over HTTPS through a proxy.", YES_NO)
    trusted_proxies: list[str] = key(
        [],
        "Proxies whose X-Forwarded-For and X-Forwarded-Proto headers are trusted.",
        "a list of IP addresses and networks such as 10.0.0.0/24",
        unset="with `web.tls` 127.0.0.1 and ::1, else none",
    )
    secret_key: str = key(
        "",
        "Django's secret key.",
        "text",
        env="DJANGO_SECRET_KEY",
        secret=True,
        unset="generated, stored in `<data>/secret-key`",
    )
    allowed_hosts: list[str] = key([], "Host names under which browsers may reach the station.", "a list of host names")
    public_url: str = key(
        "",
        "Address under which browsers reach the station; links in notifications begin with it.",
        "an address such as https://sky.example.org",
        unset="notifications have no links",
        pattern=r"^(https?://[A-Za-z0-9.:_\[\]-]{1,253})?$",
    )
    x_accel: str = key(
        "",
        "URL prefix under which nginx serves the storage root (X-Accel-Redirect).",
        "empty, or a path that begins and ends with /",
        pattern=r"^(/([^\s]*/)?)?$",
    )
    session_idle_s: int = key(
        1_209_600,
        "Seconds of inactivity after which a browser is signed out; an open page counts as activity.",
        "a whole number of seconds from 300 to 31536000",
        ge=300,
        le=31_536_000,
    )
    limits: LimitsConfig = LimitsConfig()

    @field_validator("trusted_proxies")
    @classmethod
    def known_proxies(cls, values: list[str]) -> list[str]:
        if "*" in values:
            raise ValueError(
                "With * every client could forge its address and evade the sign-in limits; name the proxies."
            )
        return [known_proxy(value) for value in values]

    @model_validator(mode="after")
    def no_debug_pages_behind_a_proxy(self) -> Self:
        if self.debug and (self.tls or self.trusted_proxies or self.allowed_hosts):
            raise ValueError(
                "web.debug shows internals of the station on every error page, and web.tls, web.trusted_proxies or "
                "web.allowed_hosts means that other machines can reach it. Remove web.debug."
            )
        return self

    @property
    def proxies(self) -> list[str]:
        """Addresses and networks that are trusted to name the client of a request."""
        # With TLS the proxy is the only client, so without its header all users would share one address and its limits.
        return self.trusted_proxies or (["127.0.0.1", "::1"] if self.tls else [])


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
