"""The failpoints of an archive, in their order."""

from __future__ import annotations

from core.failpoints import Failpoints

FAILPOINTS = Failpoints(
    (
        "after_archive_planned",
        "after_part_begun",
        "after_part_synced",
        "after_part_checked",
        "after_part_renamed",
        "after_row_copied",
        "after_manifest_made",
        "after_manifest_written",
    )
)
