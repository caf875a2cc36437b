"""Storage classes, kinds of new files and rules, in words."""

from __future__ import annotations

from captures.roots.models import StorageClass
from captures.storage.retention.plan import Why
from captures.storage.stored_files.classes import FileClass

CLASS_LABELS: dict[str, str] = {
    FileClass.ROLLING_CLIP: "Rolling clips",
    FileClass.MANUAL_CLIP: "Manual clips",
    FileClass.CAPTURE: "Captures",
    FileClass.ARCHIVE: "Archives",
    FileClass.PRODUCT: "Products",
    FileClass.THUMBNAIL: "Thumbnails",
    FileClass.SPOOL: "Spool",
    FileClass.LOG: "Logs",
}

NEW_FILES: dict[str, str] = {
    StorageClass.CAPTURES: "captures",
    StorageClass.CLIPS: "clips",
    StorageClass.ARCHIVES: "archives",
    StorageClass.PRODUCTS: "products",
}

WHY_LABELS: dict[str, str] = {
    Why.ASKED: "deleted by a person, not finished yet",
    Why.TRASH: "its time in the trash is over",
    Why.COUNT: "beyond the number of clips that its camera keeps",
    Why.AGE: "older than its class may become",
    Why.OFFSITE: "old enough to be kept at its off-site destination alone",
    Why.SPACE: "the disk has less free space than the soft floor",
}
