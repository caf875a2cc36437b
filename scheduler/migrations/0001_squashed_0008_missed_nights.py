"""All tables of the app, for a new station; a station that has the migrations that it replaces has it applied."""

import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import uuid6
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('scheduler', '0001_planned_runs'),
        ('scheduler', '0002_schedules'),
        ('scheduler', '0003_what_a_run_does_while_a_camera_is_held'),
        ('scheduler', '0004_night_reports'),
        ('scheduler', '0005_captures_missing_in_a_night'),
        ('scheduler', '0006_field_lists'),
        ('scheduler', '0007_nightly_starts'),
        ('scheduler', '0008_missed_nights'),
    ]

    dependencies = [
        ('cameras', '0001_squashed_0018_kinds_from_the_table'),
        ('captures', '0001_squashed_0042_bound_secrets'),
    ]

    operations = [
        migrations.CreateModel(
            name='ReportedNight',
            fields=[
                ('night', models.DateField(help_text='The local date of the evening.', primary_key=True, serialize=False)),
                ('fingerprint', models.CharField(help_text='Of the ledger: another one is reported again.', max_length=64)),
                ('sentence', models.TextField()),
                ('reported_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'ordering': ['-night'],
            },
        ),
        migrations.CreateModel(
            name='FieldList',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=60)),
                ('text', models.TextField(blank=True, help_text='The field file as it was written.')),
                ('added_text', models.TextField(blank=True, help_text='What was added for a night, as the text of an .add file.')),
                ('revision', models.PositiveIntegerField(default=1, help_text='Grows with each change.')),
                ('archived_at', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.CharField(blank=True, max_length=150)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('changed_by', models.CharField(blank=True, max_length=150)),
                ('changed_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.UniqueConstraint(django.db.models.functions.text.Lower('name'), name='one_field_list_of_a_name')],
            },
        ),
        migrations.CreateModel(
            name='Field',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(help_text='What it is, in words: it stays when the other columns change.', max_length=255)),
                ('number', models.PositiveSmallIntegerField(help_text='Its place in the list, from 0 on.')),
                ('line', models.PositiveIntegerField()),
                ('ra_h', models.FloatField()),
                ('dec_deg', models.FloatField()),
                ('kind', models.PositiveSmallIntegerField(choices=[(-1, 'unknown'), (0, 'dark'), (1, 'sky'), (2, 'focus'), (3, 'offset'), (4, 'pmskyflat'), (5, 'amskyflat'), (6, 'domeskyflat')])),
                ('exposure_s', models.FloatField()),
                ('interval_s', models.FloatField()),
                ('n_required', models.PositiveSmallIntegerField()),
                ('survey', models.PositiveSmallIntegerField()),
                ('comment', models.CharField(blank=True, max_length=1023)),
                ('is_added', models.BooleanField(default=False, help_text='It was added for a night.')),
                ('field_list', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='fields', to='scheduler.fieldlist')),
            ],
            options={
                'ordering': ['number'],
            },
        ),
        migrations.CreateModel(
            name='NightlyStart',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('options', models.JSONField(help_text='The other fields of `scheduler.telescope.field_lists.resource.NightOptions`.')),
                ('created_by', models.CharField(blank=True, help_text='Who starts the sessions.', max_length=150)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('started', models.DateField(help_text='The newest evening whose night was started.', null=True)),
                ('tried_at', models.DateTimeField(help_text='When the start of a night was tried last.', null=True)),
                ('accounted', models.DateField(help_text='The evening up to which nights that were missed are reported.', null=True)),
                ('problem', models.CharField(blank=True, help_text='Why the present night is not started.', max_length=1000)),
                ('camera', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='nightly_start', to='cameras.camera')),
                ('field_list', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='nightly_start', to='scheduler.fieldlist')),
            ],
            options={
                'ordering': ['field_list'],
            },
        ),
        migrations.CreateModel(
            name='Observation',
            fields=[
                ('capture', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='observation', serialize=False, to='captures.capture')),
                ('field_key', models.CharField(max_length=255)),
                ('number', models.PositiveIntegerField(help_text='1 for the first observation of the field in its night.')),
                ('observed_at', models.DateTimeField(help_text='When the exposure began.')),
                ('jd', models.FloatField()),
                ('lst_h', models.FloatField()),
                ('ha_h', models.FloatField(help_text='None for a dark or a dome flat.', null=True)),
                ('airmass', models.FloatField(null=True)),
                ('exposure_s', models.FloatField()),
                ('filename', models.CharField(help_text='The root of the names of its files.', max_length=64)),
                ('selection', models.PositiveSmallIntegerField()),
                ('reason', models.CharField(max_length=500)),
                ('interval_h', models.FloatField()),
                ('field', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='observations', to='scheduler.field')),
                ('field_list', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='observations', to='scheduler.fieldlist')),
                ('session', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='observations', to='captures.session')),
            ],
            options={
                'ordering': ['observed_at', 'capture_id'],
            },
        ),
        migrations.CreateModel(
            name='CameraNight',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('planned', models.PositiveIntegerField()),
                ('saved', models.PositiveIntegerField()),
                ('failed', models.PositiveIntegerField()),
                ('skipped', models.PositiveIntegerField()),
                ('missing', models.PositiveIntegerField(default=0, help_text='About how many captures no row counts.')),
                ('is_complete', models.BooleanField()),
                ('lost_s', models.FloatField(help_text='Seconds in which captures were lost.')),
                ('lost_by_reason', models.JSONField(default=dict, help_text='Reason -> seconds.')),
                ('camera', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='nights', to='cameras.camera')),
                ('night', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='cameras', to='scheduler.reportednight')),
            ],
            options={
                'ordering': ['night', 'camera'],
            },
        ),
        migrations.CreateModel(
            name='Schedule',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=60)),
                ('enabled', models.BooleanField(default=True)),
                ('priority', models.SmallIntegerField(default=0, help_text='Of two runs at the same time the higher one wins.')),
                ('programme', models.JSONField()),
                ('window', models.JSONField()),
                ('moon', models.JSONField(blank=True, null=True)),
                ('weekdays', models.JSONField(blank=True, default=list, help_text='Of the evening; empty: all.')),
                ('first_night', models.DateField(blank=True, null=True)),
                ('last_night', models.DateField(blank=True, null=True)),
                ('on_held', models.CharField(choices=[('wait', 'Wait'), ('take_over', 'Take Over')], default='wait', help_text='What a run does while someone holds the camera.', max_length=10)),
                ('created_by', models.CharField(blank=True, max_length=150)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('cameras', models.ManyToManyField(related_name='schedules', to='cameras.camera')),
            ],
            options={
                'ordering': ['-priority', 'name'],
            },
        ),
        migrations.CreateModel(
            name='PlannedRun',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(blank=True, max_length=120)),
                ('programme', models.JSONField(help_text='Without windows.')),
                ('windows', models.JSONField(help_text='Pairs of begin and end, ISO 8601, in their order.')),
                ('begins_at', models.DateTimeField(help_text='The begin of the first window.')),
                ('ends_at', models.DateTimeField(help_text='The end of the last window.')),
                ('created_by', models.CharField(blank=True, max_length=150)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('on_held', models.CharField(choices=[('wait', 'Wait'), ('take_over', 'Take Over')], db_default='wait', default='wait', max_length=10)),
                ('night', models.DateField(help_text='The local date of the evening.', null=True)),
                ('part', models.PositiveSmallIntegerField(default=0, help_text='Of several runs of a night, divided by other runs.')),
                ('camera', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='planned_runs', to='cameras.camera')),
                ('schedule', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='runs', to='scheduler.schedule')),
            ],
            options={
                'ordering': ['begins_at', 'id'],
            },
        ),
        migrations.CreateModel(
            name='NightChange',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('night', models.DateField()),
                ('skip', models.BooleanField(default=False)),
                ('begins_at', models.DateTimeField(blank=True, null=True)),
                ('ends_at', models.DateTimeField(blank=True, null=True)),
                ('changed_by', models.CharField(blank=True, max_length=150)),
                ('changed_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('schedule', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='changes', to='scheduler.schedule')),
            ],
            options={
                'ordering': ['night', 'id'],
            },
        ),
        migrations.AddConstraint(
            model_name='field',
            constraint=models.UniqueConstraint(fields=('field_list', 'key'), name='one_field_of_a_key_in_a_list'),
        ),
        migrations.AddConstraint(
            model_name='field',
            constraint=models.CheckConstraint(condition=models.Q(('n_required__gte', 1)), name='a_field_is_observed_at_least_once'),
        ),
        migrations.AddIndex(
            model_name='observation',
            index=models.Index(fields=['field_list', 'observed_at'], name='observations_of_a_list'),
        ),
        migrations.AddConstraint(
            model_name='cameranight',
            constraint=models.UniqueConstraint(fields=('night', 'camera'), name='one_row_for_each_camera_of_a_night'),
        ),
        migrations.AddConstraint(
            model_name='schedule',
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower('name'), name='one_schedule_of_a_name'),
        ),
        migrations.AddIndex(
            model_name='plannedrun',
            index=models.Index(fields=['camera', 'ends_at'], name='planned_runs_by_end'),
        ),
        migrations.AddConstraint(
            model_name='plannedrun',
            constraint=models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('begins_at'))), name='a_planned_run_ends_after_its_begin'),
        ),
        migrations.AddConstraint(
            model_name='nightchange',
            constraint=models.UniqueConstraint(fields=('schedule', 'night'), name='one_change_of_a_night_of_a_schedule'),
        ),
    ]
