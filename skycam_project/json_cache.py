"""Django's cache stores JSON in Redis. Its default, pickle, would execute what it reads."""

from __future__ import annotations

import json
import logging
from typing import Any

log = logging.getLogger(__name__)


class JsonSerializer:
    """Numbers stay plain numbers, so that Redis can increment them."""

    def dumps(self, value: Any) -> bytes:
        """Raises TypeError for a value that JSON cannot represent."""
        return json.dumps(value).encode()

    def loads(self, data: bytes | int) -> Any:
        """None for invalid JSON, as for a missing key."""
        try:
            return json.loads(data) if isinstance(data, bytes) else data
        except (ValueError, RecursionError):
            log.warning("A cache entry is not valid JSON and is ignored.")
            return None
