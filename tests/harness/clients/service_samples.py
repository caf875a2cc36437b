"""Responses from the two guides to the service that Skycam replaces, and a check that an answer has all their keys."""

from __future__ import annotations

from typing import Any

HEALTH = {"status": "healthy", "camera_connected": True, "timestamp": "2025-10-17T01:00:00.000000"}
SETTINGS = {
    "exposure": 3096,
    "gain": 1.0,
    "resolution": {"width": 1280, "height": 1024},
    "available_resolutions": [{"width": 640, "height": 480}, {"width": 1280, "height": 1024}],
    "connected": True,
    "streaming": False,
}
CAPTURE_NEWER = {
    "success": True,
    "filename": "capture_20251017_010844_829.jpg",
    "filepath": "C:\\captures\\capture_20251017_010844_829.jpg",
    "capturedAt": "2025-10-17T01:08:44.829935",
    "exposureTime": 3096,
    "gain": 1.0,
    "fileSize": 183711,
    "width": 1280,
    "height": 1024,
    "metadata": {"format": "JPG", "quality": 95, "cameraConnected": True, "simulatedMode": False},
}
CAPTURE_OLDER = {
    "success": True,
    "filename": "capture_20250113_103045_123.jpg",
    "filepath": "./captures/capture_20250113_103045_123.jpg",
    "timestamp": "2025-01-13T10:30:45.123Z",
    "settings": {"exposure": 100, "gain": 1.5, "resolution": {"width": 1280, "height": 1024}},
    "image_info": {"size_bytes": 245678, "format": "JPG"},
}
LIST = {
    "files": [{"filename": "capture_20251017.jpg", "size": 183711, "modified": "2025-10-17T01:08:44.829935"}],
    "count": 1,
    "path": "C:\\captures",
}


def missing_keys(answer: Any, sample: Any, where: str = "") -> list[str]:
    """Keys of the sample that the answer lacks or has with another type."""
    if isinstance(sample, dict) and isinstance(answer, dict):
        return [
            text
            for key, value in sample.items()
            for text in (
                missing_keys(answer[key], value, f"{where}.{key}") if key in answer else [f"{where}.{key} is not there"]
            )
        ]
    if isinstance(sample, list) and isinstance(answer, list):
        return [text for one in answer for text in missing_keys(one, sample[0], f"{where}[]")]
    return [] if type(answer) is type(sample) else [f"{where} is {answer!r}"]
