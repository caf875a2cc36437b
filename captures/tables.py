"""What captures needs from higher apps: dotted paths, resolved at run time and never imported upward."""

from __future__ import annotations

CLIP_KEEPERS = {
    "offsite": "captures.offsite.selectors.unverified_clips",
}
"""Functions that return the condition (a Q) for clips that must stay on their host: retention and people leave them."""

EXPERIMENT_HANDLERS = {
    "automatic_recording": "scheduler.automatic_recording.service.apply_experiment",
}
"""Functions that are called with each experiment whose state was moved, in the transaction of the move."""

ARCHIVE_MENDERS: dict[str, str] = {
    "offsite": "captures.offsite.restore.mend_archive_file",
}
"""Functions that put a whole copy of an archive's file in its place: see `captures.archives.verification.Mender`."""
