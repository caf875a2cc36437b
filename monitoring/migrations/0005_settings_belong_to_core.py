from django.db import migrations


class Migration(migrations.Migration):
    """The model StationSetting moves to the app core; its table stays as it is."""

    dependencies = [
        ('monitoring', '0004_camera_ids_of_events'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.DeleteModel(name='StationSetting'),
            ],
        ),
    ]
