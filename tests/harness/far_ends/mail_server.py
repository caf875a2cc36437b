"""A mail server: a real SMTP server on loopback, with TLS and sign-in, which answers as a test wants."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from tests.harness.stations.station import free_port
from tests.harness.waiting import PATIENCE_S, eventually_in_loop

PASSWORD = "s3cret of the mail"


class MailReceiver:
    """`answers` are given to the next mails, in this order; without one a mail is accepted. `sign_ins` are the ways to
    sign in that it offers; None offers no AUTH at all."""

    def __init__(self, sign_ins: str | None) -> None:
        self._sign_ins = sign_ins
        self.answers: list[str] = []
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.port = 0

    async def handle_EHLO(  # noqa: N802
        self, _server: Any, session: Any, _envelope: Any, host: str, responses: list[str]
    ) -> list[str]:
        session.host_name = host
        offered = [f"250-AUTH {self._sign_ins}"] if self._sign_ins else []
        return [line for response in responses for line in (offered if response.startswith("250-AUTH") else [response])]

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        if address.startswith("nobody"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answers:
            return self.answers.pop(0)
        self.recipients.append(envelope.rcpt_tos)
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))  # type: ignore[arg-type]
        return "250 OK"


def authenticate(_server: SMTP, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and data.password == PASSWORD.encode()
    return AuthResult(success=right, handled=False)


class MailController(Controller):
    """Ends all connections before its server closes: asyncio would leave one open that comes at that moment."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._connections: list[SMTP] = []

    def factory(self) -> SMTP:
        self._connections.append(super().factory())
        return self._connections[-1]

    def stop(self, no_assert: bool = False) -> None:
        asyncio.run_coroutine_threadsafe(self._end_connections(), self.loop).result(2 * PATIENCE_S)
        super().stop(no_assert)

    async def _end_connections(self) -> None:
        # A task besides this one is a connection that comes or goes.
        await eventually_in_loop(lambda: not self._abort_open_connections() and len(asyncio.all_tasks()) == 1)
        self.server.close()

    def _abort_open_connections(self) -> int:
        """How many were open."""
        found = [one.transport for one in self._connections if one.transport]
        [transport.abort() for transport in found]
        return len(found)


@contextmanager
def mail_server(
    certificate: Path | None = None,
    *,
    implicit: bool = False,
    sign_ins: str | None = "LOGIN PLAIN",
    most_bytes: int = 0,
) -> Iterator[MailReceiver]:
    """With a certificate STARTTLS and sign-in are required; `implicit`: TLS from the first byte. `most_bytes`: larger
    mails are refused."""
    box = MailReceiver(sign_ins)
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
    options: dict[str, Any] = {"authenticator": authenticate} if tls else {}
    if most_bytes:
        options["data_size_limit"] = most_bytes
    if tls and not implicit:
        options |= {"tls_context": tls, "require_starttls": True, "auth_required": True}
    box.port = free_port()
    controller = MailController(
        box, "127.0.0.1", box.port, ssl_context=tls if implicit else None, ready_timeout=PATIENCE_S, **options
    )
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
