"""The failpoints of an off-site copy, in their order."""

from __future__ import annotations

from core.failpoints import Failpoints

FAILPOINTS = Failpoints(
    (
        "after_claim",
        "after_upload_begun",
        "after_part_sent",
        "after_data_sent",
        "after_copy_placed",
        "after_copy_compared",
        "after_row_verified",
    )
)
