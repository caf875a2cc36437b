"""`Socket`: what the station's WebSockets have in common. Who may come in, what may be said, and how it ends.

Messages are JSON objects with a `type`. What is wrong is answered with `{"type": "error", "reason", "message"}`; what
is too much closes. No socket needs the channel layer, so none ends with the broker.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ClassVar

from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from cameras.sockets import origin
from cameras.sockets.loops import of_this_loop
from cameras.sockets.open_sockets import OpenSockets
from cameras.sockets.rate import Rate
from cameras.sockets.sight import Lookout, Sight
from cameras.tables import DOORS, resolve
from core.background import start_background_task
from core.constraints import is_number

log = logging.getLogger(__name__)
MOST_CHARACTERS = 65_536
MESSAGES_PER_S = 150.0
MOST_ERRORS = 20
MOST_SENT = 1e16
MOST_REASON_BYTES = 123
"""Of a close frame, RFC 6455 5.5: 125 bytes with the code."""
NO_BYTES, TOO_MANY_ERRORS, TOO_LARGE, FAILED = 1003, 1008, 1009, 1011
FOREIGN, NO_SUCH_ADDRESS, NO_SUBPROTOCOL, TOO_OFTEN = 4403, 4404, 4406, 4429
Order = Callable[[dict[str, Any]], Coroutine[Any, Any, None]]


class BadMessage(Exception):
    """A message that cannot be followed. The text says what may be sent; `reason` is for programs."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Socket(AsyncWebsocketConsumer):
    channel_layer_alias = "none: live views outlive it"
    subprotocols: ClassVar[tuple[str, ...]] = ()

    async def connect(self) -> None:
        self.ended = True
        self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.scope["headers"]}
        self.visitor = resolve(DOORS["visitor"])(self.headers)
        refused = self._refused() or await self._look() or self._enter_sockets()
        if refused:
            await self.close(*refused)
            return
        self.ended = False
        await self.accept(next(iter(self.scope["subprotocols"]), None))
        self._rate, self._errors = Rate(MESSAGES_PER_S), 0
        self.orders: Mapping[str, Order] = {"ping": self.pong, **self.own_orders()}
        of_this_loop(Lookout).join(self)
        self._task = start_background_task(self._work(), "socket")

    async def disconnect(self, code: int) -> None:
        """Also called for a socket that was never let in."""
        self.ended = True
        of_this_loop(OpenSockets).leave(self)
        of_this_loop(Lookout).leave(self)
        if task := getattr(self, "_task", None):
            task.cancel()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Channels changes threads here for each message, to close old database connections. There are none."""
        await getattr(self, message["type"].replace(".", "_"))(message)

    # What a socket is for

    def own_orders(self) -> Mapping[str, Order]:
        """Type of a message -> what follows it."""
        return {}

    def sight_of(self, sight: Sight) -> Sight:
        """The sight as far as it matters here; its code ends the socket."""
        return sight

    async def work(self) -> None:
        """What the socket does by itself, until it is cancelled."""

    async def _work(self) -> None:
        try:
            await self.work()
        except Exception:
            log.exception("A socket at %s failed and is closed.", self.scope["path"])
            await self.leave(FAILED, "The station failed here; its log says more. Try again.")

    # Who may come in

    def _refused(self) -> tuple[int, str] | None:
        if self.visitor.needs_origin and not origin.is_ours(self.headers):
            return FOREIGN, "The page that asks is not of this station."
        offered = self.scope["subprotocols"]
        if offered and offered[0] not in self.subprotocols:
            return NO_SUBPROTOCOL, f"Subprotocols are {', '.join(self.subprotocols) or 'not used here'}."
        return None

    async def _look(self) -> tuple[int, str] | None:
        self.sight = self.sight_of(await of_this_loop(Lookout).first(self.visitor))
        return (self.sight.code, self.sight.reason) if self.sight.code else None

    def _enter_sockets(self) -> tuple[int, str] | None:
        return of_this_loop(OpenSockets).enter(self, self.sight.user, self.most_of_a_user)

    @property
    def most_of_a_user(self) -> int:
        """How many sockets, this one among them, one user may have."""
        return int(settings.STATION.web.limits.sockets_per_user)

    def see(self, sight: Sight) -> None:
        """Every two seconds: what the visitor may see now."""
        self.sight = self.sight_of(sight)
        if self.sight.code and not self.ended:
            start_background_task(self.leave(self.sight.code, self.sight.reason), "closing a socket")

    # What is said

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.ended:
            return
        if text_data is None:
            await self.leave(NO_BYTES, "Messages are JSON text.")
        elif len(text_data) > MOST_CHARACTERS:
            await self.leave(TOO_LARGE, f"A message has at most {MOST_CHARACTERS} characters.")
        elif not self._rate.take():
            await self.leave(TOO_OFTEN, f"At most {MESSAGES_PER_S:g} messages a second.")
        else:
            await self._follow(text_data)

    async def _follow(self, text: str) -> None:
        try:
            message = parsed(text)
            order = self.orders.get(message["type"])
            if order is None:
                known = ", ".join(sorted(self.orders))
                raise BadMessage("unknown_type", f"There is no message of this type here. There are: {known}.")
            await order(message)
        except BadMessage as error:
            await self._complain(error)

    async def _complain(self, error: BadMessage) -> None:
        self._errors += 1
        await self.say({"type": "error", "reason": error.reason, "message": str(error)})
        if self._errors > MOST_ERRORS:
            await self.leave(TOO_MANY_ERRORS, "Too many messages that could not be followed.")

    async def pong(self, message: dict[str, Any]) -> None:
        """For the offset of the client's clock: `sent` comes back as it was, beside this machine's time."""
        sent = message.get("sent")
        if not is_number(sent) or not -MOST_SENT < sent < MOST_SENT:
            raise BadMessage("invalid", "A ping says `sent`, a number such as milliseconds.")
        await self.say({"type": "pong", "sent": sent, "server_us": time.time_ns() // 1000})

    async def say(self, content: dict[str, Any] | str | bytes) -> None:
        """A message to the other end; nothing once it has gone."""
        if isinstance(content, dict):
            content = json.dumps(content)
        form = {"bytes": content} if isinstance(content, bytes) else {"text": content}
        await self._send({"type": "websocket.send", **form})

    async def leave(self, code: int, reason: str) -> None:
        await self._send({"type": "websocket.close", "code": code, "reason": fitting(reason)})
        self.ended = True

    async def _send(self, message: dict[str, Any]) -> None:
        """uvicorn says OSError once the client has gone, and RuntimeError once it has closed the socket itself."""
        if self.ended:
            return
        try:
            await self.base_send(message)
        except (OSError, RuntimeError):
            self.ended = True


def fitting(reason: str) -> str:
    """As much of it as a close frame takes, in whole characters."""
    return reason.encode()[:MOST_REASON_BYTES].decode(errors="ignore")


def parsed(text: str) -> dict[str, Any]:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise BadMessage("invalid", "This is no JSON.") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise BadMessage("invalid", "A message is a JSON object with a `type`.")
    return message


class NotFound(AsyncWebsocketConsumer):
    """For addresses that are none."""

    channel_layer_alias = Socket.channel_layer_alias

    async def connect(self) -> None:
        await self.close(NO_SUCH_ADDRESS, "There is no WebSocket at this address.")
