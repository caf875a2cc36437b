"""Requests to a station: one connection each, as from a program that starts for each of them."""

from __future__ import annotations

import http.client
import json
import time
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tests.harness.waiting import PATIENCE_S

PASSWORD = "correct horse battery"
"""That of `admin`, in each station of the harness that is given one."""
AWAY = (OSError, http.client.HTTPException)
"""What a request raises while no one answers."""


class Refused(Exception):
    """The station answered with an error."""


@dataclass(frozen=True)
class Answer:
    """`body`: an object of JSON, a text, or bytes, by the answer's type; `{}` without a body."""

    status: int
    body: Any
    headers: dict[str, str]
    took_s: float


class HttpClient:
    """Requests to one port of this machine."""

    def __init__(self, port: int) -> None:
        self.port = port

    def request(
        self, method: str, path: str, body: Any = None, *, timeout: float = PATIENCE_S, **headers: str
    ) -> Answer:
        """`body` is sent as JSON, bytes as they are. The name of a header has _ for -. Raises one of AWAY."""
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        began = time.monotonic()
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)) as connection:
            connection.request(method, path, sent, {"Content-Type": "application/json"} | named)
            answer = connection.getresponse()
            content = answer.read()
        took_s = time.monotonic() - began
        return Answer(answer.status, decoded(answer, content), dict(answer.headers.items()), took_s)


def decoded(answer: http.client.HTTPResponse, content: bytes) -> Any:
    if not content:
        return {}
    if answer.headers.get_content_subtype().endswith("json"):
        return json.loads(content)
    return content.decode() if answer.headers.get_content_maintype() == "text" else content


class ApiClient(HttpClient):
    """The API of a station, as `admin`. Paths begin after /api/v1/."""

    @cached_property
    def token(self) -> str:
        credentials = {"username": "admin", "password": PASSWORD}
        answer = self.request("POST", "/api/v1/auth/token/", credentials)
        if answer.status >= 400:
            raise Refused(answer)
        return str(answer.body["token"])

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Token {self.token}"}

    def call(self, method: str, path: str, body: Any = None, *, timeout: float = PATIENCE_S, **headers: str) -> Answer:
        return self.request(method, f"/api/v1/{path}", body, timeout=timeout, **self.authorization, **headers)

    def get(self, path: str) -> Any:
        """The body of the answer."""
        return self.call("GET", path).body

    def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.call("POST", path, body or {}, **options)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The body of the answer. Raises Refused."""
        answer = self.call(method, path, body)
        if answer.status >= 400:
            raise Refused(answer)
        return answer.body
