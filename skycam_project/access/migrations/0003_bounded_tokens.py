"""Tokens get an end, a name, and at most the role that their user has; users give back names of the station's own."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import migrations
from django.utils import timezone

RANK = {"none": 0, "viewer": 1, "operator": 2, "manager": 3}
LONGEST = timedelta(days=730)
RESERVED = {"anonymous", "cli", "root", "service", "station", "system"}


def bound_tokens(apps: Any, _: Any) -> None:
    end = timezone.now() + LONGEST
    for token in apps.get_model("access", "ApiToken").objects.select_related("user"):
        token.scope = min(token.scope, token.user.role, key=RANK.__getitem__)
        token.expires_at = min(token.expires_at or end, end)
        token.name = token.name or "Unnamed"
        token.save(update_fields=["scope", "expires_at", "name"])


def rename_users(apps: Any, _: Any) -> None:
    """Their captures stay under the old name, which is the station's now. An event says how they sign in."""
    User, Event = apps.get_model("access", "User"), apps.get_model("monitoring", "Event")
    for user in User.objects.filter(username__in=RESERVED):
        old, user.username = user.username, free_name(User, user.username)
        user.save(update_fields=["username"])
        Event.objects.create(
            kind="user.changed",
            severity="warning",
            subject=user.username,
            host=settings.STATION.host,
            message=f"{old} is a name that the station uses for itself. The user signs in as {user.username} now.",
        )


def free_name(User: Any, name: str) -> str:
    number = 1
    while User.objects.filter(username=f"{name}-{number}").exists():
        number += 1
    return f"{name}-{number}"


class Migration(migrations.Migration):
    dependencies = [("access", "0002_sign_in"), ("monitoring", "0003_settings_of_the_station")]

    operations = [
        migrations.RunPython(bound_tokens, migrations.RunPython.noop),
        migrations.RunPython(rename_users, migrations.RunPython.noop),
    ]
