from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('captures', '0036_schedules_of_sessions'),
    ]

    operations = [
        migrations.AddField(
            model_name='destinationhost',
            name='takes_checksums',
            field=models.BooleanField(blank=True, help_text='Whether the server takes requests with a checksum. Null: unknown.', null=True),
        ),
    ]
