"""Who may change a field list: no one who may not see a camera that observes it. The list is shared, and that camera
does not exist for them."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError

from cameras.selectors import hidden_cameras
from captures.sessions.models import Session
from scheduler.telescope.field_lists.models import FieldList, NightlyStart

NOT_ALL_SEEN = (
    "A camera that you may not see observes the list, so you cannot change it. Copy its text into a new list, or ask a "
    "manager."
)


def check_may_change(found: FieldList, user: Any) -> None:
    """ValidationError when a camera that the user may not see observes the list, now or each night. None is the station
    itself."""
    hidden = [] if user is None else hidden_cameras(user)
    if not hidden:
        return
    running = Session.objects.active().filter(camera__in=hidden, programme__telescope__field_list=str(found.pk))
    if NightlyStart.objects.filter(field_list=found, camera__in=hidden).exists() or running.exists():
        raise ValidationError({"": NOT_ALL_SEEN})
