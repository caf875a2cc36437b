"""Whether one of our pages opened a WebSocket. Browsers send cookies along with the request of any page."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.http.request import split_domain_port, validate_host


def is_ours(headers: Mapping[str, str]) -> bool:
    """True when Origin is the requested host and port, a name of this station, and https where TLS is on."""
    host = headers.get("host", "").lower()
    domain, _ = split_domain_port(host)
    schemes = ["https"] if settings.STATION.web.tls else ["http", "https"]
    # With the port: cookies do not depend on it, so pages of another program on this host would have them, too.
    same = headers.get("origin", "").lower() in {f"{scheme}://{host}" for scheme in schemes}
    # A foreign name that resolves to this address is both Host and Origin of its own pages (DNS rebinding).
    return same and bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)
