"""All tables of the app, for a new station; a station that has the migrations that it replaces has it applied."""

import django.db.models.deletion
import django.utils.timezone
import uuid6
from django.conf import settings
from django.db import migrations, models


class CreateUnlessMade(migrations.CreateModel):
    """Of a station from before this app, `monitoring` has made the table."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        table = to_state.apps.get_model(app_label, self.name)._meta.db_table
        if table not in schema_editor.connection.introspection.table_names():
            super().database_forwards(app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('core', '0001_initial'),
        ('core', '0002_settings_of_the_station'),
        ('core', '0003_idempotent_requests'),
        ('core', '0004_jobs_of_several_cameras'),
        ('core', '0005_station_record_and_leases'),
    ]

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('monitoring', '0001_squashed_0018_partitions_by_month'),
    ]

    operations = [
        migrations.CreateModel(
            name='StationLease',
            fields=[
                ('name', models.CharField(help_text='The work.', max_length=40, primary_key=True, serialize=False)),
                ('holder', models.CharField(blank=True, help_text='The host and process that does it.', max_length=200)),
                ('epoch', models.PositiveBigIntegerField(default=0, help_text='Fencing token: grows with each new holder.')),
                ('held_since', models.DateTimeField(blank=True, null=True)),
                ('until', models.DateTimeField(blank=True, null=True)),
            ],
        ),
        CreateUnlessMade(
            name='StationSetting',
            fields=[
                ('key', models.CharField(help_text='As in YAML: camera_config.crf.', max_length=120, primary_key=True, serialize=False)),
                ('value', models.JSONField()),
                ('changed_by', models.CharField(blank=True, max_length=150)),
                ('changed_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'db_table': 'monitoring_stationsetting',
                'ordering': ['key'],
            },
        ),
        migrations.CreateModel(
            name='Job',
            fields=[
                ('camera', models.CharField(blank=True, help_text='Its slug, which another camera may have later.', max_length=60)),
                ('camera_uuid', models.CharField(blank=True, help_text='Decides who may see the row.', max_length=36)),
                ('more_cameras', models.TextField(blank=True, default='', help_text='Ids of its other cameras, between commas: they decide, too.')),
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=40)),
                ('subject', models.CharField(blank=True, help_text='What the work is about, in words or as an id.', max_length=120)),
                ('host', models.CharField(help_text='The host that runs it.', max_length=60)),
                ('arguments', models.JSONField(blank=True, default=dict)),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('running', 'running'), ('done', 'done'), ('failed', 'failed'), ('cancelled', 'cancelled')], default='waiting', max_length=10)),
                ('unique_key', models.CharField(blank=True, help_text='Empty: any number may be unfinished.', max_length=120)),
                ('done', models.PositiveBigIntegerField(default=0)),
                ('total', models.PositiveBigIntegerField(blank=True, null=True)),
                ('sentence', models.CharField(blank=True, help_text='What it does now. Names no camera.', max_length=200)),
                ('checkpoint', models.JSONField(blank=True, help_text='Where the next attempt continues.', null=True)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('not_before', models.DateTimeField(default=django.utils.timezone.now, help_text='When it may be tried again.')),
                ('worker', models.CharField(blank=True, help_text='The worker that runs it.', max_length=120)),
                ('lease_until', models.DateTimeField(blank=True, help_text='Lost without a renewal until then.', null=True)),
                ('cancel_requested_at', models.DateTimeField(blank=True, null=True)),
                ('cancel_requested_by', models.CharField(blank=True, max_length=150)),
                ('error', models.TextField(blank=True, help_text='Why it failed, or why its last attempt did.')),
                ('result', models.JSONField(blank=True, null=True)),
                ('requested_by', models.CharField(blank=True, max_length=150)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('started_at', models.DateTimeField(blank=True, help_text='When its first attempt began.', null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['-created_at', '-id'],
                'indexes': [models.Index(fields=['-created_at', '-id'], name='job_newest'), models.Index(fields=['kind', '-created_at', '-id'], name='job_kind_newest'), models.Index(condition=models.Q(('state__in', ['waiting', 'running'])), fields=['host', 'state', 'created_at'], name='job_host_unfinished'), models.Index(fields=['host', '-created_at', '-id'], name='job_host_newest'), models.Index(fields=['state', 'ended_at'], name='job_state_ended')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ['waiting', 'running']), models.Q(('unique_key', ''), _negated=True)), fields=('kind', 'host', 'unique_key'), name='one_unfinished_job_for_each_subject'), models.CheckConstraint(condition=models.Q(models.Q(('lease_until__isnull', False), ('state', 'running')), models.Q(models.Q(('state', 'running'), _negated=True), ('lease_until__isnull', True)), _connector='OR'), name='a_running_job_has_a_lease'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', False), ('state__in', ['done', 'failed', 'cancelled'])), models.Q(('ended_at__isnull', True), ('state__in', ['waiting', 'running'])), _connector='OR'), name='a_finished_job_has_an_end')],
            },
        ),
        migrations.CreateModel(
            name='StationRecord',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('station', models.CharField(help_text="The station's id.", max_length=60)),
                ('secret_fingerprint', models.CharField(blank=True, help_text='Of the secret that encrypts addresses; the secret itself is not stored.', max_length=64)),
                ('schema', models.PositiveIntegerField(help_text='The highest schema number whose migrations were applied.')),
                ('protocol', models.PositiveIntegerField(help_text='The protocol number of the version that applied them.')),
                ('migrated_by', models.CharField(blank=True, help_text='Id of the installation that applied them.', max_length=36)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='one_station_for_each_database')],
            },
        ),
        migrations.CreateModel(
            name='IdempotentRequest',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('key', models.CharField(max_length=120)),
                ('method', models.CharField(max_length=10)),
                ('route', models.CharField(help_text='With its placeholders.', max_length=200)),
                ('fingerprint', models.CharField(help_text='HMAC-SHA-256 of method, path, query and body.', max_length=64)),
                ('resource_id', models.UUIDField(default=uuid6.uuid7, help_text='Reserved for the row that the request creates.')),
                ('state', models.CharField(choices=[('running', 'Running'), ('answered', 'Answered')], default='running', max_length=10)),
                ('attempts', models.PositiveIntegerField(default=1, help_text='How often the view was run.')),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('status', models.PositiveSmallIntegerField(blank=True, help_text='Of the answer.', null=True)),
                ('body', models.TextField(blank=True, help_text='Of the answer, JSON.')),
                ('headers', models.JSONField(blank=True, default=dict, help_text='Of the answer.')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-created_at', '-id'],
                'indexes': [models.Index(fields=['created_at'], name='idempotent_created'), models.Index(fields=['user', '-created_at', '-id'], name='idempotent_user_newest')],
                'constraints': [models.UniqueConstraint(fields=('user', 'key'), name='one_request_for_each_key_of_a_user'), models.CheckConstraint(condition=models.Q(models.Q(('lease_until__isnull', False), ('state', 'running'), ('status__isnull', True)), models.Q(('lease_until__isnull', True), ('state', 'answered'), ('status__isnull', False)), _connector='OR'), name='a_request_has_a_lease_or_an_answer')],
            },
        ),
    ]
