"""What Django's cache writes into Redis: JSON. Its default, pickle, runs what it reads."""

from __future__ import annotations

import json
import logging
from typing import Any

log = logging.getLogger(__name__)


class JsonSerializer:
    """Numbers stay plain numbers, so that Redis can count with them."""

    def dumps(self, value: Any) -> bytes:
        """TypeError for what JSON has no type for."""
        return json.dumps(value).encode()

    def loads(self, data: bytes | int) -> Any:
        """None for what is no JSON, as for a key that is not there."""
        try:
            return json.loads(data) if isinstance(data, bytes) else data
        except (ValueError, RecursionError):
            log.warning("An entry of the cache is no JSON and is ignored.")
            return None
