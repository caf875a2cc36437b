"""On PostgreSQL, events and readings get a partition for each month. SQLite keeps its tables."""

from django.db import migrations

from core.partitions import PARTITIONED, partition_table


def partition_tables(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for table in PARTITIONED:
            partition_table(table)


class Migration(migrations.Migration):

    dependencies = [
        ("monitoring", "0017_mentions"),
    ]

    operations = [migrations.RunPython(partition_tables, migrations.RunPython.noop)]
