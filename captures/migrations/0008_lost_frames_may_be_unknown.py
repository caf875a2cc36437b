from django.db import migrations, models

KNOWN = ("disk_full", "root_missing", "write_error")
"""Reasons of clips that ended in the process that counted what they lost."""


def forget_what_nobody_counted(apps, schema_editor):
    """Until now the clips of a process that was killed had 0, whatever they lost."""
    clips = apps.get_model("captures", "Clip").objects.using(schema_editor.connection.alias)
    clips.filter(interrupted=True, lost_frames=0).exclude(reason__in=KNOWN).update(lost_frames=None)


def have_zero_again(apps, schema_editor):
    clips = apps.get_model("captures", "Clip").objects.using(schema_editor.connection.alias)
    clips.filter(lost_frames=None).update(lost_frames=0)


class Migration(migrations.Migration):
    dependencies = [
        ("captures", "0007_roots_without_room"),
    ]

    operations = [
        migrations.AlterField(
            model_name="clip",
            name="lost_frames",
            field=models.PositiveIntegerField(
                default=0,
                null=True,
                help_text="Captured while it ran, and not in it. Null: unknown, since its process was killed.",
            ),
        ),
        migrations.RunPython(forget_what_nobody_counted, have_zero_again),
    ]
