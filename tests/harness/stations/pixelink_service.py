"""The PixeLink service of a station, called as existing PixeLink clients call it."""

from __future__ import annotations

from typing import Any

from tests.harness.stations.http_client import Answer, HttpClient

DOTENV = """\
# Server Configuration
HOST=0.0.0.0
PORT=8001
DEBUG=True

# Camera Configuration
CAMERA_SERIAL_NUMBER=        # Empty = use first available camera
DEFAULT_EXPOSURE=100000.0    # Microseconds (100ms)
DEFAULT_GAIN=1.0
IMAGE_SAVE_PATH=./captures
IMAGE_FORMAT=jpg
IMAGE_QUALITY=95

# CORS Configuration
ALLOWED_ORIGINS=http://localhost:3000,http://localhost:5173
"""
"""The `.env` in the guide to the service that Skycam replaces, word for word."""


class PixelinkService(HttpClient):
    def capture(self, **body: Any) -> Answer:
        return self.request("POST", "/capture", body)

    def is_connected(self) -> bool:
        """Whether it says that its camera is connected."""
        return bool(self.request("GET", "/health").body["camera_connected"])

    def answers(self) -> bool:
        """Whether its port answers."""
        try:
            return bool(self.request("GET", "/health").status)
        except OSError:
            return False
