"""`Socket`: the base of the station's WebSocket consumers: origin, access, messages, limits, and closing. Messages
are JSON objects with a `type`. A bad message is answered with `{"type": "error", "reason", "message"}`; too many of
them close the socket. No socket uses a channel layer of Channels, so none closes when the broker goes away."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, ClassVar

from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from cameras.sockets.access import Access, AccessMonitor, Principal
from cameras.sockets.subscription import NoticeBroadcaster, loop_singleton
from cameras.tables import ACCESS
from core.api.model import is_number
from core.background import start_background_task
from core.limits.refusals import count_refusal
from core.registry import resolve

log = logging.getLogger(__name__)


def is_ours(headers: Mapping[str, str]) -> bool:
    """True when Origin is the requested host and port, a name of this station, and https where TLS is on."""
    host = headers.get("host", "").lower()
    domain, _ = split_domain_port(host)
    schemes = ["https"] if settings.STATION.web.tls else ["http", "https"]
    # With the port: cookies do not depend on it, so pages of another program on this host would have them, too.
    same = headers.get("origin", "").lower() in {f"{scheme}://{host}" for scheme in schemes}
    # A foreign name that resolves to this address is both Host and Origin of its own pages (DNS rebinding).
    return same and bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


class MessageRate:
    def __init__(self, per_s: float) -> None:
        self.per_s = per_s
        self._left = 2 * per_s
        self._at = time.monotonic()

    def allow_message(self) -> bool:
        """Whether one more message is within the rate."""
        now = time.monotonic()
        self._left = min(2 * self.per_s, self._left + (now - self._at) * self.per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


TOO_MANY = 4429


class OpenSockets:
    """One in each event loop."""

    def __init__(self) -> None:
        self._places: dict[object, tuple[str, bool]] = {}
        """Socket -> its user, and whether it is an additional one."""
        self._counts: Counter[tuple[str, bool]] = Counter()

    def add_socket(self, socket: object, user: str, limit: int, additional: int = 0) -> tuple[int, str] | None:
        """None, or the code and the reason with which the socket is closed. `additional`: how many sockets of its kind
        a user may have beside the `limit`."""
        is_additional = self._counts[user, True] < additional
        if not is_additional and self._counts[user, False] >= limit:
            count_refusal("sockets of a user")
            most = limit + additional
            return TOO_MANY, f"One user may have {most} sockets at a time, and you have reached that. Close a page."
        self._places[socket] = user, is_additional
        self._counts[user, is_additional] += 1
        return None

    def remove_socket(self, socket: object) -> None:
        place = self._places.pop(socket, None)
        if place is not None:
            self._counts[place] -= 1
            self._counts += Counter()  # drops users without sockets: a Counter keeps counts of 0


MAX_CHARACTERS = 65_536
LISTENING_S = 1.0
"""How long a client waits for its notices: with a broker that hangs, the socket opens without them."""
MESSAGES_PER_S = 150.0
MAX_ERRORS = 20
MAX_SENT = 1e16
MAX_REASON_BYTES = 123
"""Of a close frame, RFC 6455 5.5: 125 bytes with the code."""
UNSUPPORTED_DATA, TOO_MANY_ERRORS, TOO_LARGE, FAILED = 1003, 1008, 1009, 1011
FOREIGN_ORIGIN, NO_SUCH_ADDRESS, NO_SUBPROTOCOL, TOO_OFTEN = 4403, 4404, 4406, 4429
MessageHandler = Callable[[dict[str, Any]], Coroutine[Any, Any, None]]


class BadMessage(Exception):
    """A message that cannot be handled. The text says what may be sent; `reason` is for programs."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def check_handshake(
    principal: Principal, headers: Mapping[str, str], offered: Sequence[str], known: Sequence[str]
) -> tuple[int, str] | None:
    """The code and the reason with which a socket is refused; `offered` and `known` are subprotocols."""
    if principal.needs_origin and not is_ours(headers):
        return FOREIGN_ORIGIN, "The page that opened this socket does not belong to this station."
    if offered and offered[0] not in known:
        return NO_SUBPROTOCOL, f"Subprotocols are {', '.join(known) or 'not used here'}."
    return None


class Socket(AsyncWebsocketConsumer):
    subprotocols: ClassVar[tuple[str, ...]] = ()
    heard: ClassVar[tuple[type[NoticeBroadcaster[Any]], ...]] = ()
    """The notices of `listeners`. Those that come after the socket is open are all heard."""

    async def connect(self) -> None:
        self.ended = True
        self._listening, self.listeners = contextlib.ExitStack(), dict[type[NoticeBroadcaster[Any]], Any]()
        self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.scope["headers"]}
        self.principal = resolve(ACCESS["principal"])(self.headers)
        # In this order: a foreign page costs no query, and only users who have access are counted.
        refused = (
            check_handshake(self.principal, self.headers, self.scope["subprotocols"], self.subprotocols)
            or await self._check_access()
            or self._check_open_sockets()
        )
        if refused:
            # Not `close_with_reason`, which sends nothing while `ended`.
            await self.close(*refused)
            return
        self.ended = False
        await self._begin_listening()
        await self.accept(next(iter(self.scope["subprotocols"]), None))
        self._rate, self._errors = MessageRate(MESSAGES_PER_S), 0
        self.handlers: Mapping[str, MessageHandler] = {"ping": self.pong, **self.own_handlers()}
        loop_singleton(AccessMonitor).add_listener(self)
        self._task = start_background_task(self._run(), "socket")

    async def _begin_listening(self) -> None:
        """Before the socket is open: what a client reads then and what it hears have no gap between them."""
        broadcasters = {kind: loop_singleton(kind) for kind in self.heard}
        for kind, broadcaster in broadcasters.items():
            self.listeners[kind] = self._listening.enter_context(broadcaster.subscribe())
        await asyncio.gather(*(one.wait_until_up(LISTENING_S) for one in broadcasters.values()))

    async def disconnect(self, code: int) -> None:
        """Channels also calls it for a socket that was refused."""
        self.ended = True
        loop_singleton(OpenSockets).remove_socket(self)
        loop_singleton(AccessMonitor).remove_listener(self)
        self._listening.close()
        # A refused socket has no task.
        if task := getattr(self, "_task", None):
            task.cancel()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Channels would make a task for each message, to listen to a channel layer beside the client. Sockets have
        none."""
        self.scope, self.base_send = scope, send
        with contextlib.suppress(StopConsumer):
            while True:
                await self.dispatch(await receive())

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Channels would switch threads for each message, to close old database connections. Sockets have none."""
        receivers = {
            "websocket.connect": self.websocket_connect,
            "websocket.receive": self.websocket_receive,
            "websocket.disconnect": self.websocket_disconnect,
        }
        await receivers[message["type"]](message)

    # For subclasses

    def own_handlers(self) -> Mapping[str, MessageHandler]:
        """Message type -> handler, beside `ping`."""
        return {}

    def narrow_access(self, access: Access) -> Access:
        """The access that this socket needs; a code other than 0 closes it."""
        return access

    async def run(self) -> None:
        """What the socket does on its own, until it is cancelled."""

    async def _run(self) -> None:
        try:
            await self.run()
        except Exception:
            log.exception("A socket at %s failed and is closed.", self.scope["path"])
            await self.close_with_reason(FAILED, "The station failed here. Its log says more. Try again.")

    # Access

    async def _check_access(self) -> tuple[int, str] | None:
        self.access = self.narrow_access(await loop_singleton(AccessMonitor).check_access(self.principal))
        return (self.access.code, self.access.reason) if self.access.code else None

    def _check_open_sockets(self) -> tuple[int, str] | None:
        limit = int(settings.STATION.web.limits.sockets_per_user)
        return loop_singleton(OpenSockets).add_socket(self, self.access.user, limit, self.additional_sockets_of_user)

    @property
    def additional_sockets_of_user(self) -> int:
        """How many sockets of this kind one user may have beside `sockets_per_user`."""
        return 0

    def update_access(self, access: Access) -> None:
        """Called every two seconds with what the principal may see now."""
        self.access = self.narrow_access(access)
        if self.access.code and not self.ended:
            # As a task: sending to a client that does not read blocks, and all others wait for this check.
            start_background_task(self.close_with_reason(self.access.code, self.access.reason), "closing a socket")

    # Messages

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.ended:
            return
        if text_data is None:
            await self.close_with_reason(UNSUPPORTED_DATA, "Messages are JSON text.")
        elif len(text_data) > MAX_CHARACTERS:
            await self.close_with_reason(TOO_LARGE, f"A message has at most {MAX_CHARACTERS} characters.")
        elif not self._rate.allow_message():
            await self.close_with_reason(TOO_OFTEN, f"At most {MESSAGES_PER_S:g} messages a second.")
        else:
            await self._handle_message(text_data)

    async def _handle_message(self, text: str) -> None:
        try:
            message = parse_message(text)
            handler = self.handlers.get(message["type"])
            if handler is None:
                known = ", ".join(sorted(self.handlers))
                raise BadMessage("unknown_type", f"This socket has no message of this type. It has: {known}.")
            await handler(message)
        except BadMessage as error:
            await self._send_error(error)

    async def _send_error(self, error: BadMessage) -> None:
        self._errors += 1
        await self.send_message({"type": "error", "reason": error.reason, "message": str(error)})
        if self._errors > MAX_ERRORS:
            await self.close_with_reason(TOO_MANY_ERRORS, "Too many bad messages.")

    async def pong(self, message: dict[str, Any]) -> None:
        """`sent` comes back unchanged, with this machine's time: clients compute their clock's offset from both."""
        sent = message.get("sent")
        # Python's JSON also reads NaN and Infinity, which would come back as no valid JSON. No comparison accepts them.
        if not is_number(sent) or not -MAX_SENT < sent < MAX_SENT:
            raise BadMessage("invalid", "A ping needs `sent`, a number such as milliseconds.")
        await self.send_message({"type": "pong", "sent": sent, "server_us": time.time_ns() // 1000})

    async def send_message(self, content: dict[str, Any] | str | bytes, frame: bytes = b"") -> None:
        """Send a message; do nothing once the client has gone. `frame` is the same message as a WebSocket frame, for
        servers that can send it as it is: `skycam_project.launch.protocols`."""
        if isinstance(content, dict):
            content = json.dumps(content)
        form = {"bytes": content} if isinstance(content, bytes) else {"text": content}
        await self._send_or_end({"type": "websocket.send", **form, **({"frame": frame} if frame else {})})

    async def close_with_reason(self, code: int, reason: str) -> None:
        await self._send_or_end({"type": "websocket.close", "code": code, "reason": truncate_reason(reason)})
        self.ended = True

    async def _send_or_end(self, message: dict[str, Any]) -> None:
        """uvicorn raises OSError once the client has gone, and RuntimeError once it has closed the socket itself."""
        if self.ended:
            return
        try:
            await self.base_send(message)
        except (OSError, RuntimeError):
            self.ended = True


def truncate_reason(reason: str) -> str:
    """As many whole characters as fit into a close frame."""
    return reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")


def parse_message(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text)
    # RecursionError: a thousand nested brackets or more.
    except (ValueError, RecursionError):
        raise BadMessage("invalid", "The message is not JSON.") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise BadMessage("invalid", "A message is a JSON object with a `type`.")
    return message


class NotFound(AsyncWebsocketConsumer):
    """For unknown addresses."""

    async def connect(self) -> None:
        await self.close(NO_SUCH_ADDRESS, "There is no WebSocket at this address.")
