"""All tables of the app, for a new station; a station that has the migrations that it replaces has it applied."""

import django.db.models.deletion
import django.utils.timezone
import uuid6
from django.db import migrations, models


from core.partitions import PARTITIONED, partition_table
from monitoring.alert_rules.rule import DEFAULT_RULES


def add_default_rules(apps, _editor):
    """Once: a rule that a manager removes does not come back with an update."""
    rules = apps.get_model("monitoring", "AlertRule")
    rules.objects.bulk_create([rules(**columns) for columns in DEFAULT_RULES])


def partition_tables(_apps, schema_editor):
    """On PostgreSQL, events and readings get a partition for each month."""
    if schema_editor.connection.vendor == "postgresql":
        for table in PARTITIONED:
            partition_table(table)


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('monitoring', '0001_initial'),
        ('monitoring', '0002_gallery_indexes'),
        ('monitoring', '0003_settings_of_the_station'),
        ('monitoring', '0004_camera_ids_of_events'),
        ('monitoring', '0005_settings_belong_to_core'),
        ('monitoring', '0006_webhooks'),
        ('monitoring', '0007_sensors'),
        ('monitoring', '0008_alert_rules'),
        ('monitoring', '0009_ten_minute_aggregates'),
        ('monitoring', '0010_removed_sensors'),
        ('monitoring', '0011_event_severity'),
        ('monitoring', '0012_hosts_of_alerts'),
        ('monitoring', '0013_notifications'),
        ('monitoring', '0014_newest_alerts'),
        ('monitoring', '0015_events_of_several_cameras'),
        ('monitoring', '0016_rules_of_gates_and_rates'),
        ('monitoring', '0017_mentions'),
        ('monitoring', '0018_partitions_by_month'),
    ]

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='NotificationChannel',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=60, unique=True)),
                ('kind', models.CharField(help_text='An entry of CHANNEL_KINDS.', max_length=20)),
                ('settings_shown', models.JSONField(default=dict, help_text='The settings without their secrets.')),
                ('settings_encrypted', models.TextField(help_text='All settings.')),
                ('enabled', models.BooleanField(default=True)),
                ('failing_since', models.DateTimeField(blank=True, help_text='The first failure since the last success.', null=True)),
                ('last_error', models.CharField(blank=True, help_text='Empty after a success.', max_length=500)),
                ('last_sent_at', models.DateTimeField(blank=True, null=True)),
                ('worker', models.CharField(blank=True, max_length=120)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.CharField(blank=True, max_length=150)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'ordering': ['name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Alert',
            fields=[
                ('camera', models.CharField(blank=True, help_text='Its slug, which another camera may have later.', max_length=60)),
                ('camera_uuid', models.CharField(blank=True, help_text='Decides who may see the row.', max_length=36)),
                ('more_cameras', models.TextField(blank=True, default='', help_text='Ids of its other cameras, between commas: they decide, too.')),
                ('message', models.TextField(help_text='With the slugs of the cameras that it mentions.')),
                ('mentions', models.JSONField(blank=True, default=list, help_text='Where it has them: `[[start, end, camera id], ...]`, in characters.')),
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('key', models.CharField(help_text='What is wrong, once: `camera.quarantined:dslr`.', max_length=120)),
                ('severity', models.CharField(choices=[('info', 'Info'), ('warning', 'Warning'), ('error', 'Error'), ('critical', 'Critical')], default='warning', max_length=10)),
                ('state', models.CharField(choices=[('open', 'Open'), ('acknowledged', 'Acknowledged'), ('resolved', 'Resolved')], default='open', max_length=12)),
                ('host', models.CharField(blank=True, help_text='The machine that it is about, or that reports it.', max_length=60)),
                ('opened_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('last_seen_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('count', models.PositiveIntegerField(default=1)),
                ('acknowledged_at', models.DateTimeField(blank=True, null=True)),
                ('acknowledged_by', models.CharField(blank=True, max_length=150)),
                ('resolved_at', models.DateTimeField(blank=True, null=True)),
                ('data', models.JSONField(blank=True, default=dict)),
            ],
            options={
                'ordering': ['-opened_at', '-id'],
                'indexes': [models.Index(fields=['-opened_at', '-id'], name='alert_newest')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'resolved'), _negated=True), fields=('key',), name='one_unresolved_alert_for_each_key')],
            },
        ),
        migrations.CreateModel(
            name='AlertRule',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(help_text='Its id: lower-case letters, digits, hyphens.', max_length=60, unique=True)),
                ('label', models.CharField(blank=True, help_text='Begins the sentence of its alerts.', max_length=80)),
                ('kind', models.CharField(max_length=30)),
                ('subject', models.CharField(default='*', help_text='What it concerns; * and ? are wildcards.', max_length=200)),
                ('threshold', models.FloatField()),
                ('clear', models.FloatField(blank=True, help_text='Value that closes the alert; the threshold if empty.', null=True)),
                ('for_s', models.FloatField(default=0.0, help_text='Seconds that the value must be beyond the threshold.')),
                ('clear_for_s', models.FloatField(default=0.0, help_text='Seconds that the value must be clear.')),
                ('severity', models.CharField(default='warning', max_length=10)),
                ('enabled', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.CheckConstraint(condition=models.Q(('clear_for_s__gte', 0), ('for_s__gte', 0)), name='rule_durations_are_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='AlertSilence',
            fields=[
                ('camera', models.CharField(blank=True, help_text='Its slug, which another camera may have later.', max_length=60)),
                ('camera_uuid', models.CharField(blank=True, help_text='Decides who may see the row.', max_length=36)),
                ('more_cameras', models.TextField(blank=True, default='', help_text='Ids of its other cameras, between commas: they decide, too.')),
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('key', models.CharField(blank=True, help_text='The key of an alert.', max_length=120)),
                ('key_prefix', models.CharField(blank=True, help_text='The beginning of keys.', max_length=120)),
                ('reason', models.CharField(blank=True, max_length=200)),
                ('created_by', models.CharField(max_length=150)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('ends_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('ended_by', models.CharField(blank=True, help_text='Empty when it ended by itself.', max_length=150)),
            ],
            options={
                'ordering': ['-created_at', '-id'],
                'indexes': [models.Index(condition=models.Q(('ended_at', None)), fields=['ends_at'], name='silence_active')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('key', ''), _negated=True), models.Q(('key_prefix', ''), _negated=True), models.Q(('camera', ''), _negated=True), _connector='OR'), name='a_silence_has_a_condition'), models.CheckConstraint(condition=models.Q(('ends_at__isnull', False), models.Q(('key', ''), _negated=True), _connector='OR'), name='a_silence_ends_by_itself')],
            },
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('camera', models.CharField(blank=True, help_text='Its slug, which another camera may have later.', max_length=60)),
                ('camera_uuid', models.CharField(blank=True, help_text='Decides who may see the row.', max_length=36)),
                ('more_cameras', models.TextField(blank=True, default='', help_text='Ids of its other cameras, between commas: they decide, too.')),
                ('message', models.TextField(help_text='With the slugs of the cameras that it mentions.')),
                ('mentions', models.JSONField(blank=True, default=list, help_text='Where it has them: `[[start, end, camera id], ...]`, in characters.')),
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('kind', models.CharField(max_length=60)),
                ('severity', models.CharField(choices=[('info', 'Info'), ('warning', 'Warning'), ('error', 'Error'), ('critical', 'Critical')], default='info', max_length=10)),
                ('subject', models.CharField(blank=True, help_text='Id of the capture, session or part.', max_length=80)),
                ('actor', models.CharField(blank=True, max_length=150)),
                ('host', models.CharField(blank=True, max_length=60)),
                ('data', models.JSONField(blank=True, default=dict)),
            ],
            options={
                'ordering': ['-at', '-id'],
                'indexes': [models.Index(fields=['-at', '-id'], name='event_newest'), models.Index(fields=['camera', '-at', '-id'], name='event_camera_newest'), models.Index(fields=['kind', '-at', '-id'], name='event_kind_newest'), models.Index(fields=['subject', '-at', '-id'], name='event_subject_newest'), models.Index(fields=['severity', '-at', '-id'], name='event_severity_newest')],
            },
        ),
        migrations.CreateModel(
            name='MaintenanceWindow',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('subject', models.CharField(default='*', help_text='As in a rule: a sensor, camera, host or disk.', max_length=200)),
                ('begins_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('reason', models.CharField(blank=True, max_length=200)),
                ('created_by', models.CharField(blank=True, max_length=150)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'ordering': ['-begins_at', '-id'],
                'indexes': [models.Index(fields=['ends_at'], name='maintenance_window_end')],
                'constraints': [models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('begins_at'))), name='a_window_ends_after_its_begin')],
            },
        ),
        migrations.CreateModel(
            name='NotificationRoute',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=60, unique=True)),
                ('position', models.PositiveIntegerField(default=0, help_text='Routes are tried in this order.')),
                ('enabled', models.BooleanField(default=True)),
                ('continue_matching', models.BooleanField(default=False, help_text='Whether later routes are tried, too.')),
                ('severity', models.CharField(default='warning', help_text='The lowest severity that matches.', max_length=10)),
                ('key_prefix', models.CharField(blank=True, help_text="The beginning of the alert's key.", max_length=120)),
                ('camera', models.CharField(blank=True, help_text="A camera's slug.", max_length=60)),
                ('host', models.CharField(blank=True, max_length=64)),
                ('active_from', models.CharField(blank=True, help_text='HH:MM at the site. Empty: at all times.', max_length=5)),
                ('active_until', models.CharField(blank=True, max_length=5)),
                ('quiet_from', models.CharField(blank=True, help_text='HH:MM at the site. Empty: no quiet hours.', max_length=5)),
                ('quiet_until', models.CharField(blank=True, max_length=5)),
                ('group_wait_s', models.PositiveIntegerField(default=10)),
                ('repeat_every_s', models.PositiveIntegerField(default=0, help_text='0: no repetition.')),
                ('escalate_after_s', models.PositiveIntegerField(default=0, help_text='0: no escalation.')),
                ('notify_resolved', models.BooleanField(default=True)),
                ('attach_picture', models.BooleanField(default=True)),
                ('night_reports', models.BooleanField(default=False, help_text='Whether its channel gets the reports of nights.')),
                ('channel', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='routes', to='monitoring.notificationchannel')),
                ('escalate_to', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='escalations', to='monitoring.notificationchannel')),
            ],
            options={
                'ordering': ['position', 'name'],
            },
        ),
        migrations.CreateModel(
            name='Sensor',
            fields=[
                ('kind', models.CharField(max_length=20)),
                ('settings', models.JSONField(blank=True, default=dict)),
                ('secrets_encrypted', models.TextField(blank=True, help_text='The secret settings as JSON, encrypted.')),
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(help_text='Its id in the API, as in the configuration.', max_length=40)),
                ('label', models.CharField(blank=True, help_text='Display name; the name if empty.', max_length=80)),
                ('host', models.CharField(max_length=60)),
                ('enabled', models.BooleanField(default=True)),
                ('interval_s', models.FloatField(default=2.0)),
                ('revision', models.PositiveIntegerField(default=1, help_text='Increased by each change that restarts its process.')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('removed_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['name'],
                'indexes': [models.Index(fields=['host', 'enabled'], name='sensor_of_host')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('removed_at__isnull', True)), fields=('name',), name='one_sensor_for_each_name'), models.CheckConstraint(condition=models.Q(('removed_at__isnull', True), models.Q(('enabled', False), ('secrets_encrypted', '')), _connector='OR'), name='a_removed_sensor_is_off_without_secrets')],
            },
        ),
        migrations.CreateModel(
            name='SensorChannel',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('key', models.CharField(help_text='What the device calls it: the ROM of a DS18B20, a JSON path.', max_length=80)),
                ('quantity', models.CharField(max_length=20)),
                ('label', models.CharField(blank=True, help_text='Display name; that of the device if empty.', max_length=80)),
                ('device_label', models.CharField(blank=True, max_length=80)),
                ('main', models.BooleanField(default=False, help_text='Whether it is the temperature of the site.')),
                ('hidden', models.BooleanField(default=False, help_text='Not shown on the dashboard.')),
                ('lowest', models.FloatField(blank=True, help_text='Values below it are implausible.', null=True)),
                ('highest', models.FloatField(blank=True, help_text='Values above it are implausible.', null=True)),
                ('offset', models.FloatField(default=0.0, help_text='Added to each value: the correction of a calibration.')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('sensor', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='channels', to='monitoring.sensor')),
            ],
            options={
                'ordering': ['sensor__name', 'key'],
            },
        ),
        migrations.CreateModel(
            name='ReadingAggregate',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('seconds', models.PositiveIntegerField(help_text='60, 600, 3600 or 86400.')),
                ('start_s', models.BigIntegerField()),
                ('minimum', models.FloatField(blank=True, null=True)),
                ('maximum', models.FloatField(blank=True, null=True)),
                ('mean', models.FloatField(blank=True, null=True)),
                ('count', models.PositiveIntegerField(default=0)),
                ('stale', models.PositiveIntegerField(default=0)),
                ('implausible', models.PositiveIntegerField(default=0)),
                ('missing', models.PositiveIntegerField(default=0)),
                ('channel', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='aggregates', to='monitoring.sensorchannel')),
            ],
        ),
        migrations.CreateModel(
            name='Reading',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('at_ms', models.BigIntegerField()),
                ('value', models.FloatField(blank=True, null=True)),
                ('quality', models.PositiveSmallIntegerField(choices=[(0, 'ok'), (1, 'stale'), (2, 'implausible'), (3, 'missing')], default=0)),
                ('channel', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='readings', to='monitoring.sensorchannel')),
            ],
        ),
        migrations.CreateModel(
            name='DueAggregate',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('seconds', models.PositiveIntegerField()),
                ('start_s', models.BigIntegerField()),
                ('channel', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='monitoring.sensorchannel')),
            ],
        ),
        migrations.CreateModel(
            name='Webhook',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=60)),
                ('url_shown', models.CharField(blank=True, help_text='The address without its secrets.', max_length=2000)),
                ('url_encrypted', models.TextField(blank=True)),
                ('secret_encrypted', models.TextField(blank=True, help_text='The key of the signatures.')),
                ('old_secret_encrypted', models.TextField(blank=True, help_text='The key before the last rotation.')),
                ('old_secret_until', models.DateTimeField(blank=True, null=True)),
                ('kinds', models.JSONField(default=list, help_text='Kinds of events, and families such as `session.*`.')),
                ('enabled', models.BooleanField(default=True)),
                ('disabled_reason', models.CharField(blank=True, help_text='Why the station switched it off.', max_length=200)),
                ('failing_since', models.DateTimeField(blank=True, help_text='The first failure since the last success.', null=True)),
                ('overflowed_at', models.DateTimeField(blank=True, help_text='Since then its backlog is too long.', null=True)),
                ('created_by', models.CharField(blank=True, max_length=150)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('removed_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['name', 'id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('removed_at__isnull', True)), fields=('name',), name='one_webhook_for_each_name'), models.CheckConstraint(condition=models.Q(('removed_at__isnull', True), models.Q(('enabled', False), ('old_secret_encrypted', ''), ('secret_encrypted', ''), ('url_encrypted', '')), _connector='OR'), name='a_removed_webhook_has_no_secrets')],
            },
        ),
        migrations.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('event', models.UUIDField(help_text='Id of the event.')),
                ('kind', models.CharField(max_length=60)),
                ('body', models.BinaryField(help_text='The body of the request, as it is signed.')),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('delivered', 'Delivered'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='pending', max_length=10)),
                ('tries', models.PositiveIntegerField(default=0)),
                ('not_before', models.DateTimeField(default=django.utils.timezone.now, help_text='When the next attempt is due.')),
                ('hastened', models.BooleanField(default=False, help_text='It was tried early once, when its receiver worked again.')),
                ('error', models.CharField(blank=True, help_text='Why it failed, or why its last attempt did.', max_length=500)),
                ('worker', models.CharField(blank=True, max_length=120)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('replayed_by', models.CharField(blank=True, max_length=150)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('webhook', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='monitoring.webhook')),
            ],
            options={
                'ordering': ['-created_at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='WebhookAttempt',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('duration_s', models.FloatField(blank=True, null=True)),
                ('status', models.PositiveSmallIntegerField(blank=True, help_text='HTTP status of the answer.', null=True)),
                ('answer', models.TextField(blank=True, help_text='The beginning of the answer.')),
                ('error', models.CharField(blank=True, help_text='Empty if it was delivered.', max_length=500)),
                ('delivery', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='monitoring.webhookdelivery')),
            ],
            options={
                'ordering': ['-at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='NotificationDelivery',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('opened', 'Opened'), ('resolved', 'Resolved'), ('repeat', 'Repeat'), ('escalation', 'Escalation'), ('report', 'Report'), ('test', 'Test')], max_length=10)),
                ('alert', models.UUIDField(blank=True, help_text='Id of the alert; none for reports and tests.', null=True)),
                ('sequence', models.PositiveIntegerField(default=0, help_text='The number of the repetition, from 1.')),
                ('text', models.TextField(blank=True, help_text='The message of a report or a test.')),
                ('night', models.DateField(blank=True, help_text='The night of a report.', null=True)),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('sent', 'Sent'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='pending', max_length=10)),
                ('tries', models.PositiveIntegerField(default=0)),
                ('not_before', models.DateTimeField(default=django.utils.timezone.now, help_text='When the next attempt is due.')),
                ('error', models.CharField(blank=True, help_text='Why it failed, or why its last attempt did.', max_length=500)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('channel', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='monitoring.notificationchannel')),
                ('route', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='monitoring.notificationroute')),
            ],
            options={
                'ordering': ['-created_at', '-id'],
                'indexes': [models.Index(condition=models.Q(('state', 'pending')), fields=['channel', 'not_before'], name='notification_pending'), models.Index(fields=['channel', '-created_at', '-id'], name='notification_newest'), models.Index(fields=['alert'], name='notification_alert'), models.Index(fields=['ended_at'], name='notification_ended')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('alert__isnull', False)), fields=('channel', 'alert', 'kind', 'sequence'), name='one_notification_for_each_opening'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('state', 'pending')), models.Q(models.Q(('state', 'pending'), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='a_notification_has_an_end_unless_it_is_pending')],
            },
        ),
        migrations.AddConstraint(
            model_name='sensorchannel',
            constraint=models.UniqueConstraint(fields=('sensor', 'key', 'quantity'), name='one_channel_for_each_key'),
        ),
        migrations.AddConstraint(
            model_name='sensorchannel',
            constraint=models.UniqueConstraint(condition=models.Q(('main', True)), fields=('main',), name='one_main_channel'),
        ),
        migrations.AddConstraint(
            model_name='sensorchannel',
            constraint=models.CheckConstraint(condition=models.Q(('main', False), ('quantity', 'temperature'), _connector='OR'), name='the_main_channel_is_a_temperature'),
        ),
        migrations.AddIndex(
            model_name='readingaggregate',
            index=models.Index(fields=['seconds', 'start_s'], name='aggregate_start'),
        ),
        migrations.AddConstraint(
            model_name='readingaggregate',
            constraint=models.UniqueConstraint(fields=('channel', 'seconds', 'start_s'), name='one_aggregate_of_a_channel'),
        ),
        migrations.AddIndex(
            model_name='reading',
            index=models.Index(fields=['at_ms'], name='reading_at'),
        ),
        migrations.AddConstraint(
            model_name='reading',
            constraint=models.UniqueConstraint(fields=('channel', 'at_ms'), name='one_reading_of_a_channel_at_a_time'),
        ),
        migrations.AddIndex(
            model_name='dueaggregate',
            index=models.Index(fields=['seconds', 'start_s'], name='due_aggregate_start'),
        ),
        migrations.AddConstraint(
            model_name='dueaggregate',
            constraint=models.UniqueConstraint(fields=('channel', 'seconds', 'start_s'), name='one_due_aggregate'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(condition=models.Q(('state', 'pending')), fields=['webhook', 'created_at', 'id', 'not_before'], name='delivery_pending'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(fields=['webhook', '-created_at', '-id'], name='delivery_newest'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(fields=['webhook', 'state', '-created_at', '-id'], name='delivery_state_newest'),
        ),
        migrations.AddIndex(
            model_name='webhookdelivery',
            index=models.Index(fields=['ended_at'], name='delivery_ended'),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=models.UniqueConstraint(fields=('webhook', 'event'), name='one_delivery_for_each_webhook_and_event'),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=models.UniqueConstraint(condition=models.Q(('lease_until__isnull', False)), fields=('webhook',), name='one_running_delivery_for_each_webhook'),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=models.CheckConstraint(condition=models.Q(('state', 'pending'), ('lease_until__isnull', True), _connector='OR'), name='a_delivery_with_a_lease_is_pending'),
        ),
        migrations.AddConstraint(
            model_name='webhookdelivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('state', 'pending')), models.Q(models.Q(('state', 'pending'), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='a_delivery_has_an_end_unless_it_is_pending'),
        ),
        migrations.AddIndex(
            model_name='webhookattempt',
            index=models.Index(fields=['delivery', '-at', '-id'], name='attempt_newest'),
        ),
        migrations.RunPython(add_default_rules, migrations.RunPython.noop),
        migrations.RunPython(partition_tables, migrations.RunPython.noop),
    ]
