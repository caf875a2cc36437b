"""`OriginalRemover`: removes the originals of adopted captures, with `--move`."""

from __future__ import annotations

import os
from collections.abc import Callable

from cameras.spool.failpoints import hit_failpoint
from captures.organizing.findings import Findings
from captures.organizing.reasons import Reason
from captures.organizing.source import SourceFiles


class OriginalRemover:
    """An original that cannot be removed, or has changed, is added to `findings`."""

    def __init__(self, source: SourceFiles, findings: Findings) -> None:
        self._source, self._findings = source, findings

    def remove(self, path: str, expected: os.stat_result) -> None:
        """Remove a file that was just copied. `expected` is its state before that."""
        self._remove(path, lambda: expected)

    def remove_adopted(self, path: str, sha256: str, *, is_kept: bool) -> None:
        """Remove a file that was copied before a kill, if it still has this content. `is_kept`: its copy has it."""
        if not is_kept:
            # What ended the first attempt, such as a power cut, may have taken the copy as well.
            message = "It is adopted, and was not removed: its copy is not in the storage root as it was stored."
            self._findings.add_not_placed(path, Reason.NOT_REMOVED, message)
            return
        # Hashed again: another program may have written it since it was inspected.
        self._remove(path, lambda: self._source.state_with_content(path, sha256))

    def _remove(self, path: str, find_expected: Callable[[], os.stat_result | None]) -> None:
        try:
            expected = find_expected()
            removed = expected is not None and self._source.remove(path, expected)
        except FileNotFoundError:
            return  # removed by someone else
        except OSError as error:
            message = f"It is adopted, and could not be removed: {error.strerror}."
            self._findings.add_not_placed(path, Reason.NOT_REMOVED, message)
            return
        if removed:
            self._findings.removed += 1
            hit_failpoint("after_original_removed")
        else:
            message = "It is adopted, and was not removed: it was written after it was copied."
            self._findings.add_not_placed(path, Reason.NOT_REMOVED, message)
