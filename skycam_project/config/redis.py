"""REDIS_URL: validation, and the forms that Celery needs."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

from skycam_project.config.network import is_loopback

ALLOWED = "allowed are redis://HOST:PORT/0, rediss://:PASSWORD@HOST:PORT/0 and unix:///PATH"


def check_redis_url(url: str) -> str:
    """Returns the URL. Raises ValueError with a sentence that does not contain the URL when it is not allowed."""
    try:
        parts = urlsplit(url)
        loopback = is_loopback(parts.hostname or "")
        _ = parts.port  # urlsplit() checks the port only when it is read
    except ValueError:
        raise ValueError(f"This URL cannot be parsed; {ALLOWED}.") from None
    if parts.scheme == "unix":
        check_socket(parts)
    elif parts.scheme not in {"redis", "rediss"} or not parts.hostname or "@" in parts.path:
        raise ValueError(f"This is not a URL of Redis or Valkey; {ALLOWED}.")
    elif not loopback:
        check_remote(parts)
    return url


def check_socket(parts: SplitResult) -> None:
    if parts.hostname or not parts.path.startswith("/"):
        raise ValueError("The path of a socket must be absolute: unix:///PATH, with three slashes.")


def check_remote(parts: SplitResult) -> None:
    if parts.scheme != "rediss" or not parts.password:
        raise ValueError(
            "A Redis on another machine needs a password and TLS: rediss://:PASSWORD@HOST:PORT/0. "
            "Anyone with access to it can control the cameras."
        )
    if parse_qs(parts.query).get("ssl_cert_reqs", ["required"]) != ["required"]:
        raise ValueError("The certificate of a Redis on another machine must be verified; remove ssl_cert_reqs.")


def socket_url(path: Path, password: str = "") -> str:
    return f"unix://:{password}@{quote(str(path))}" if password else f"unix://{quote(str(path))}"


def celery_broker(url: str) -> dict[str, Any]:
    """Celery's broker settings. Its form for a socket is redis+socket://PATH?virtual_host=0."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        database = parse_qs(parts.query).get("db", ["0"])[0]
        login = f"{parts.netloc.rpartition('@')[0]}@" if parts.password else ""
        return {"broker_url": f"redis+socket://{login}{parts.path}?virtual_host={database}"}
    if parts.scheme == "rediss":
        return {"broker_url": url, "broker_use_ssl": {"ssl_cert_reqs": ssl.CERT_REQUIRED}}
    return {"broker_url": url}
