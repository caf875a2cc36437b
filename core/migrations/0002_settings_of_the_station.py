import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    """The table stands already: monitoring made it. The model alone moves."""


    dependencies = [
        ('core', '0001_initial'),
        ('monitoring', '0005_settings_belong_to_core'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name='StationSetting',
                    fields=[
                        ('key', models.CharField(help_text='As in YAML: camera_config.crf.', max_length=120, primary_key=True, serialize=False)),
                        ('value', models.JSONField()),
                        ('changed_by', models.CharField(blank=True, max_length=150)),
                        ('changed_at', models.DateTimeField(default=django.utils.timezone.now)),
                    ],
                    options={
                        'ordering': ['key'],
                        'db_table': 'monitoring_stationsetting',
                    },
                ),
            ],
        ),
    ]
