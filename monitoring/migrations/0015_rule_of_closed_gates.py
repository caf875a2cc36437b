"""The rule of closed gates, for stations that have the default rules of an earlier version."""

from django.db import migrations

RULE = {"name": "gate-closed", "kind": "gate_closed", "threshold": 0.5}


def add_rule(apps, _editor):
    # A new station has it already.
    apps.get_model("monitoring", "AlertRule").objects.get_or_create(name=RULE["name"], defaults=RULE)


class Migration(migrations.Migration):

    dependencies = [
        ("monitoring", "0014_newest_alerts"),
    ]

    operations = [
        migrations.RunPython(add_rule, migrations.RunPython.noop),
    ]
