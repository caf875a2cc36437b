"""Certificates that cannot be verified, in words for who has to mend it. Without Django and redis-py."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

UNTRUSTED = (
    "its certificate is not trusted ({reason}). Add the file of the authority that signed it to REDIS_URL: "
    "?ssl_ca_certs=/path/to/ca.pem"
)
OTHER_NAME = "its certificate is not for the name in REDIS_URL ({reason}). Use a name for which it was made"
WRONG_NAME = {62, 64}
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""


def certificate_problem(error: BaseException | None) -> str:
    """Empty unless a certificate that cannot be verified is the reason."""
    for one in chain(error):
        if isinstance(one, ssl.SSLCertVerificationError):
            text = OTHER_NAME if one.verify_code in WRONG_NAME else UNTRUSTED
            return text.format(reason=one.verify_message)
    return ""


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and those that it was raised from: redis-py wraps what the socket raised."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
