"""The end of the certificate that browsers see."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from skycam_project.cli.diagnostics.finding import BROKEN, OK, WARNING, Finding
from skycam_project.cli.station import Station

HTTPS_PORT = 443
PATIENCE_S = 3.0
SOON = timedelta(days=14)
RENEW = "Renew it at the proxy, for example: certbot renew"


def certificate(station: Station) -> Iterator[Finding]:
    """The proxy has the certificate, so it is asked as a browser would ask it."""
    web = station.config.web
    if not web.tls:
        yield Finding("certificate", OK, "Browsers reach the station without TLS (`web.tls` is off).")
        return
    for name in [host.lstrip(".") for host in web.allowed_hosts] or ["localhost"]:
        yield certificate_finding(name, HTTPS_PORT)


def certificate_finding(host: str, port: int) -> Finding:
    try:
        ends = end_of_certificate(host, port)
    except (OSError, ValueError) as error:
        detail = f"The certificate of {host} could not be read at port {port}: {error}."
        return Finding("certificate", WARNING, detail, "Start the proxy, and check `web.allowed_hosts`.")
    left = ends - datetime.now(UTC)
    if left <= timedelta(0):
        return Finding("certificate", BROKEN, f"The certificate of {host} has expired on {ends:%Y-%m-%d}.", RENEW)
    detail = f"The certificate of {host} is valid until {ends:%Y-%m-%d}."
    return Finding("certificate", WARNING, detail, RENEW) if left < SOON else Finding("certificate", OK, detail)


def end_of_certificate(host: str, port: int) -> datetime:
    """Raises OSError, and ValueError for a certificate that cannot be read."""
    from cryptography.x509 import load_der_x509_certificate

    context = ssl.create_default_context()
    # An expired certificate, or one of an authority that this machine does not know, must still be read.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, port), timeout=PATIENCE_S) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        found = secure.getpeercert(binary_form=True) or b""
    return load_der_x509_certificate(found).not_valid_after_utc
