"""`CopyRecovery`: removes or finishes what a killed job left, also if no other job of the root follows."""

from __future__ import annotations

import logging

from cameras.spool.storage import RootMissing
from captures.organizing.adoption import stored_captures
from captures.organizing.staging import Staging, StagingLocked, has_copies
from captures.storage.models import StorageRoot
from core.periodic.work import Work

log = logging.getLogger(__name__)


class CopyRecovery(Work):
    """Looks into the storage roots of `host` at the start of its jobs part, and then periodically."""

    def run(self) -> None:
        """DatabaseError; the first OSError of a disk, after the other roots were recovered."""
        failed: OSError | None = None
        for root in StorageRoot.objects.filter(host=self.host):
            try:
                self._recover_root(root)
            except OSError as error:
                failed = failed or error
        if failed is not None:
            raise failed

    def _recover_root(self, root: StorageRoot) -> None:
        if not has_copies(root.path):
            return
        try:
            with Staging(root.path, str(root.pk)) as staging:
                undone = staging.recover(stored_captures)
        except (RootMissing, StagingLocked):
            return  # not mounted, or a job is at work and recovers by itself
        log.info("Copies that an ended job had left in %s are cleared; %d batches were undone.", root.path, undone)
