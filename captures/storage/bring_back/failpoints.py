"""The failpoints of a file that comes back, in their order."""

from __future__ import annotations

from core.failpoints import Failpoints

FAILPOINTS = Failpoints(
    (
        "after_files_held",
        "after_part_written",
        "after_file_placed",
        "after_row_here",
    )
)
