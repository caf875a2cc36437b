"""A request to the API from within the station: the whole of Django's handler, without a connection."""

from __future__ import annotations

import io
import json
from functools import cache
from typing import Any

from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.core.serializers.json import DjangoJSONEncoder

ADDRESS = "127.0.0.1"
"""What the station notes as the client's address. It is always among the names by which the station may be called."""


def post(path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
    """The status and the JSON body of the answer to `POST path`. Whatever a request is refused for, this one is.

    TypeError for a body that JSON cannot hold; times and UUIDs become texts.
    """
    content = json.dumps(body, cls=DjangoJSONEncoder).encode()
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(content)),
        "SERVER_NAME": ADDRESS,
        "SERVER_PORT": "443",
        "REMOTE_ADDR": ADDRESS,
        # No connection, so nothing to redirect to one with TLS.
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(content),
        **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()},
    }
    response = handler().get_response(WSGIRequest(environ))
    try:
        return response.status_code, json.loads(response.getvalue() or b"null")
    finally:
        response.close()


@cache
def handler() -> BaseHandler:
    made = BaseHandler()
    made.load_middleware()
    return made
