"""The images in the memory of the controllers: exposed and read, and not fetched yet."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class Image:
    """An exposure, by the root of its files."""

    root: str
    is_fetched: bool = False
    error: Exception | None = None
    """Why it will not be fetched."""

    @property
    def is_settled(self) -> bool:
        return self.is_fetched or self.error is not None


@dataclass(slots=True)
class ImageMemory:
    """Used by the camera loop's thread, which exposes, and by the still thread, which waits for the files."""

    _images: deque[Image] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, image: Image) -> None:
        """It is read, and stays in memory."""
        with self._lock:
            self._images.append(image)

    @property
    def is_empty(self) -> bool:
        with self._lock:
            return not self._images

    @property
    def oldest_root(self) -> str:
        """Of the files of the oldest image. IndexError without one."""
        with self._lock:
            return self._images[0].root

    def settle_oldest(self) -> None:
        """It was fetched."""
        with self._lock:
            if self._images:
                settle(self._images.popleft(), None)

    def clear(self, error: Exception) -> None:
        """None of them will be fetched."""
        with self._lock:
            while self._images:
                settle(self._images.popleft(), error)


def settle(image: Image, error: Exception | None) -> None:
    """The image was fetched, or `error` says why it was not."""
    image.error, image.is_fetched = error, error is None
