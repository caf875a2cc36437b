"""The two steps of an action of the admin, as a browser sends them."""

from __future__ import annotations

import re
from typing import Any

CLIPS = "/admin/captures/clip/"


def plan(boss: Any, action: str, *clips: Any, address: str = CLIPS, **more: str) -> Any:
    return boss.post(address, {"action": action, "_selected_action": [clip.pk for clip in clips], **more})


def confirm(boss: Any, planned: Any, **given: str) -> Any:
    """Send the form of the plan."""
    text = planned.content.decode()
    address = re.search(r'action="(/admin/[^"]*/action/[^"]*)"', text)
    selection = re.search(r'name="selection"\s+value="([^"]*)"', text)
    assert address
    assert selection
    return boss.post(address[1], {"selection": selection[1], **given})
