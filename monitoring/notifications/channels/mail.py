"""Mail over SMTP, with the picture attached. Django-free."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from core.addresses import is_loopback_host
from core.outgoing import AddressRefused, OutgoingGuard, connect_endpoint
from core.resources.fields import field
from core.text.names import readable
from monitoring.notifications.channels.base import (
    Channel,
    ChannelSettings,
    OptionalText,
    Port,
    Secret,
    SendResult,
    Text,
)
from monitoring.notifications.message import Notification
from monitoring.webhooks.client import resolve_within

MAX_ERROR = 500
KNOWN_SIGN_INS = frozenset({"CRAM-MD5", "PLAIN", "LOGIN"})
"""Those of smtplib."""
Address = Annotated[Text, Field(pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+$")]


class MailSettings(ChannelSettings):
    destination: ClassVar = ("host", "port", "security")
    host: Annotated[Text, Field(pattern=r"^[A-Za-z0-9.:_%-]+$")]
    port: Port = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: OptionalText = ""
    password: Secret = ""
    sender: Address = field(title="From")
    recipients: Annotated[list[Address], Field(min_length=1, max_length=20)] = field(
        title="To", help="Addresses, separated by spaces."
    )

    @model_validator(mode="after")
    def without_tls_only_on_this_machine(self) -> Self:
        if self.security == "none" and not is_loopback_host(self.host):
            raise ValueError("Without TLS the password and the mail cross the network in clear text. Use starttls.")
        return self


class MailChannel(Channel[MailSettings]):
    settings_model: ClassVar = MailSettings
    tls: ssl.SSLContext | None = None
    """None: verifies certificates with those of the system."""

    def send(self, notification: Notification) -> SendResult:
        until = time.monotonic() + self.deadline_s
        try:
            detail = self._deliver(notification, until)
        except smtplib.SMTPResponseException as failure:
            if notification.attachment is None or not is_too_large(failure):
                return SendResult(self._describe(failure)[:MAX_ERROR])
            return self._send_without_attachment(notification, self._describe(failure), until)
        except (OSError, ValueError, smtplib.SMTPException) as failure:
            return SendResult(self._describe(failure)[:MAX_ERROR])
        return SendResult("", detail)

    def _send_without_attachment(self, notification: Notification, why: str, until: float) -> SendResult:
        """The mail that the server found too large. The text alone is better than no mail."""
        try:
            detail = self._deliver(replace(notification, attachment=None), until, f"\n\nWithout its attachment: {why}")
        except (OSError, ValueError, smtplib.SMTPException) as failure:
            return SendResult(self._describe(failure)[:MAX_ERROR])
        return SendResult("", f"{detail} It got no attachment: {why}"[:MAX_ERROR])

    def _deliver(self, notification: Notification, until: float, postscript: str = "") -> str:
        """What the server did, as a sentence."""
        settings = self.settings
        with connected(settings.host, settings.port, self.guard, until) as plain:
            tls = self.tls or ssl.create_default_context()
            encrypted = settings.security == "tls"
            connection = tls.wrap_socket(plain, server_hostname=settings.host) if encrypted else plain
            with contextlib.closing(ConnectedSmtp(connection, settings.host, settings.port)) as server:
                if settings.security == "starttls":
                    server.starttls(context=tls)
                if settings.user:
                    sign_in(server, settings.user, settings.password)
                mail = self.mail(notification, postscript)
                refused = server.send_message(mail, settings.sender, settings.recipients)
                # The mail is accepted: what goes wrong now must not send it again.
                with contextlib.suppress(OSError, smtplib.SMTPException):
                    server.quit()
        detail = f"{settings.host} accepted the mail."
        return f"{detail} It refused {', '.join(sorted(refused))}." if refused else detail

    def mail(self, notification: Notification, postscript: str = "") -> EmailMessage:
        found = EmailMessage()
        found["Subject"] = notification.title
        found["From"] = self.settings.sender
        found["To"] = ", ".join(self.settings.recipients)
        found["Date"] = format_datetime(localtime())
        # The same at each attempt, so that a mail program shows a mail that was sent again once.
        found["Message-ID"] = f"<{notification.id}@{self.settings.sender.rpartition('@')[2]}>"
        found["Auto-Submitted"] = "auto-generated"
        found.set_content(f"{notification.content}{postscript}\n\n-- \n{notification.station}\n")
        if attached := notification.attachment:
            main, _, sub = attached.mime_type.partition("/")
            found.add_attachment(attached.content, maintype=main, subtype=sub, filename=attached.name)
        return found

    def _describe(self, failure: Exception) -> str:
        match failure:
            case AddressRefused():
                return f"The address {failure}"
            case TimeoutError() | smtplib.SMTPServerDisconnected():
                return f"The mail server did not answer within {self.deadline_s:g} s, or closed the connection."
            case ssl.SSLCertVerificationError():
                return f"The certificate of the mail server is not valid ({failure.verify_message})."
            case NoSignIn():
                return str(failure)
            case smtplib.SMTPNotSupportedError():
                return "The mail server does not offer STARTTLS. Check port and security."
            case smtplib.SMTPRecipientsRefused():
                code, text = next(iter(failure.recipients.values()))
                return f"The mail server refused all recipients ({code} {answer_text(text)})."
            case smtplib.SMTPAuthenticationError():
                # Without its text, which may repeat the login.
                return f"The mail server refused user or password ({failure.smtp_code})."
            case smtplib.SMTPResponseException():
                return f"The mail server answered {failure.smtp_code} {answer_text(failure.smtp_error)}"
            case OSError():
                return f"The mail server cannot be reached ({failure.strerror or type(failure).__name__})."
        return f"The mail could not be sent ({type(failure).__name__})."


class NoSignIn(smtplib.SMTPException):
    """The server cannot be signed in to. The message is a sentence."""


def sign_in(server: smtplib.SMTP, user: str, password: str) -> None:
    """SMTPException; NoSignIn when the server offers no way that could be used."""
    server.ehlo_or_helo_if_needed()
    if not server.has_extn("auth"):
        raise NoSignIn(
            "The mail server offers no sign-in (AUTH), but a user is set. Remove the user, or check port and security."
        )
    offered = server.esmtp_features["auth"].split()
    if not KNOWN_SIGN_INS.intersection(offered):
        raise NoSignIn(
            f"The mail server offers no sign-in that Skycam can use, only {readable(' '.join(offered))[:100]}. "
            "Create a password for programs, if it has them."
        )
    server.login(user, password)


def is_too_large(failure: smtplib.SMTPResponseException) -> bool:
    """Whether the server refuses the mail for its size (RFC 5321: 552; RFC 3463: 5.3.4)."""
    return failure.smtp_code == 552 or "5.3.4" in answer_text(failure.smtp_error)


class ConnectedSmtp(smtplib.SMTP):
    """Over a connection that is open already: to an address that the guard has checked."""

    def __init__(self, connection: socket.socket, host: str, port: int) -> None:
        self._connection = connection
        super().__init__(host, port, local_hostname="skycam.invalid")

    def _get_socket(self, *_: object) -> socket.socket:
        return self._connection


@contextmanager
def connected(host: str, port: int, guard: OutgoingGuard, until: float) -> Iterator[socket.socket]:
    """A connection that is shut down at the time `until` of `time.monotonic()`, however slow the far end answers."""
    endpoint = resolve_within(guard, host, port, until)
    connection = connect_endpoint(endpoint, max(0.1, until - time.monotonic()))
    connection.settimeout(max(0.1, until - time.monotonic()))
    # A duplicate: TLS takes the first one over.
    duplicate = connection.dup()
    timer = threading.Timer(max(0.0, until - time.monotonic()), shut_down, [duplicate])
    timer.daemon = True
    timer.start()
    try:
        yield connection
    finally:
        timer.cancel()
        shut_down(duplicate)
        duplicate.close()
        connection.close()


def shut_down(connection: socket.socket) -> None:
    # OSError: the far end has closed it already.
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def answer_text(text: bytes | str) -> str:
    return readable(text.decode(errors="replace") if isinstance(text, bytes) else text)[:200]
