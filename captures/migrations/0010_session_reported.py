from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('captures', '0009_host_of_a_planned_capture'),
    ]

    operations = [
        migrations.RenameField(model_name='session', old_name='told', new_name='reported'),
        migrations.AlterField(
            model_name='capture',
            name='host',
            field=models.CharField(blank=True, help_text='The host that was sent the command.', max_length=60),
        ),
        migrations.AlterField(
            model_name='capture',
            name='index',
            field=models.PositiveIntegerField(blank=True, help_text='Number in the session, from 0.', null=True),
        ),
        migrations.AlterField(
            model_name='clip',
            name='deleted_at',
            field=models.DateTimeField(blank=True, help_text='When its deletion began.', null=True),
        ),
        migrations.AlterField(
            model_name='clip',
            name='interrupted',
            field=models.BooleanField(default=False, help_text='Ended by a crash, a full disk or a failing disk.'),
        ),
        migrations.AlterField(
            model_name='clip',
            name='lost_frames',
            field=models.PositiveIntegerField(default=0, help_text='Captured during the clip but not in it. Null: unknown, because its process was killed.', null=True),
        ),
        migrations.AlterField(
            model_name='session',
            name='reported',
            field=models.PositiveBigIntegerField(default=0, help_text='Number of the newest record that was ingested.'),
        ),
        migrations.AlterField(
            model_name='storageroot',
            name='exhausted',
            field=models.BooleanField(default=False, help_text='The disk is full and no clip may be deleted: rolling recording is suspended.'),
        ),
    ]
