"""The booleans of storage roots become assignments.

A migration of its own: PostgreSQL refuses to alter a table whose rows were changed in the same transaction while checks
of their foreign keys are pending.
"""

from typing import Any

from django.db import migrations

CLASS_OF = {"default": "captures", "video": "clips"}
"""Boolean of a storage root -> the storage class whose new files it gets."""


def assign_roots(apps: Any, schema_editor: Any) -> None:
    database = schema_editor.connection.alias
    roots = apps.get_model("captures", "StorageRoot").objects.using(database)
    assignments = apps.get_model("captures", "StorageAssignment").objects.using(database)
    for flag, storage_class in CLASS_OF.items():
        for root in roots.filter(**{flag: True}):
            assignments.get_or_create(host=root.host, storage_class=storage_class, defaults={"root": root})


def set_booleans(apps: Any, schema_editor: Any) -> None:
    """Assignments of other classes have no boolean and are lost."""
    database = schema_editor.connection.alias
    roots = apps.get_model("captures", "StorageRoot").objects.using(database)
    assignments = apps.get_model("captures", "StorageAssignment").objects.using(database)
    for flag, storage_class in CLASS_OF.items():
        assigned = assignments.filter(storage_class=storage_class).values("root")
        roots.filter(pk__in=assigned).update(**{flag: True})
    assignments.all().delete()


class Migration(migrations.Migration):

    dependencies = [
        ('captures', '0011_storage_assignments'),
    ]

    operations = [
        migrations.RunPython(assign_roots, set_booleans),
    ]
