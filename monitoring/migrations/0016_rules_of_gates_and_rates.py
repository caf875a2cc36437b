"""The rules of closed gates and of missing frames, for stations that have the default rules of an earlier version."""

from django.db import migrations

RULES = (
    {"name": "gate-closed", "kind": "gate_closed", "threshold": 0.5},
    {"name": "frames-missing", "kind": "frames_below", "threshold": 90, "clear": 95, "clear_for_s": 60},
)


def add_rules(apps, _editor):
    for rule in RULES:
        # A new station has it already.
        apps.get_model("monitoring", "AlertRule").objects.get_or_create(name=rule["name"], defaults=rule)


class Migration(migrations.Migration):

    dependencies = [
        ("monitoring", "0015_events_of_several_cameras"),
    ]

    operations = [
        migrations.RunPython(add_rules, migrations.RunPython.noop),
    ]
