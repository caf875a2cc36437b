"""All tables of the app, for a new station; a station that has the migrations that it replaces has it applied."""

import cameras.models
import cameras.runtime.file_formats
import django.core.validators
import django.utils.timezone
import uuid6
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('cameras', '0001_initial'),
        ('cameras', '0002_network_cameras'),
        ('cameras', '0003_presets'),
        ('cameras', '0004_who_holds_a_camera'),
        ('cameras', '0005_recording'),
        ('cameras', '0006_who_wished_the_recording'),
        ('cameras', '0007_restricted_cameras'),
        ('cameras', '0008_audiences_are_restrictions'),
        ('cameras', '0009_encrypted_address'),
        ('cameras', '0010_help_texts'),
        ('cameras', '0011_sites_of_hosts'),
        ('cameras', '0012_formats_of_stills'),
        ('cameras', '0013_experiments_that_record'),
        ('cameras', '0014_telescope_cameras'),
        ('cameras', '0015_identity_of_hosts'),
        ('cameras', '0016_invitations_and_draining'),
        ('cameras', '0017_file_servers_of_hosts'),
        ('cameras', '0018_kinds_from_the_table'),
    ]

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CameraHost',
            fields=[
                ('name', models.CharField(max_length=60, primary_key=True, serialize=False)),
                ('machine', models.CharField(blank=True, help_text='What a host of the version before compares; removed in the next version.', max_length=64)),
                ('leased_until', models.DateTimeField(blank=True, help_text="By the database's clock.", null=True)),
                ('version', models.CharField(blank=True, max_length=40)),
                ('site', models.JSONField(blank=True, default=dict, help_text='Where it stands, by its own configuration.')),
                ('installation', models.CharField(blank=True, db_default='', default='', help_text='Id of the data folder that holds the name.', max_length=36)),
                ('place', models.CharField(blank=True, db_default='', default='', help_text='Tells copies of one data folder apart.', max_length=64)),
                ('boot_id', models.CharField(blank=True, db_default='', default='', max_length=36)),
                ('address', models.CharField(blank=True, db_default='', default='', help_text='From where it reaches the database.', max_length=255)),
                ('file_server', models.CharField(blank=True, db_default='', default='', help_text='Where other machines get its files.', max_length=255)),
                ('started_at', models.DateTimeField(blank=True, help_text='When its Supervisor started.', null=True)),
                ('epoch', models.PositiveBigIntegerField(db_default=0, default=0, help_text='Fencing token: grows with each Supervisor that acquires the name.')),
                ('clock_offset_s', models.FloatField(blank=True, help_text="How far its clock is ahead of the database's; negative when it is behind.", null=True)),
                ('clock_offset_at', models.DateTimeField(blank=True, help_text='When that was measured.', null=True)),
                ('schema', models.PositiveIntegerField(blank=True, help_text="Number of the database's schema that its version has; null before number 2.", null=True)),
                ('protocol', models.PositiveIntegerField(blank=True, help_text='Number of the protocol that its version speaks; null before number 2.', null=True)),
                ('draining_since', models.DateTimeField(blank=True, help_text='Since then nothing new starts there.', null=True)),
                ('draining_by', models.CharField(blank=True, db_default='', default='', max_length=150)),
                ('drained_at', models.DateTimeField(blank=True, help_text='When nothing ran there any more.', null=True)),
                ('retired_at', models.DateTimeField(blank=True, help_text='Since then its name cannot be used.', null=True)),
                ('retired_by', models.CharField(blank=True, db_default='', default='', max_length=150)),
                ('retired_files', models.CharField(blank=True, db_default='', default='', help_text='`keep` or `forget`: what became of its files.', max_length=10)),
            ],
        ),
        migrations.CreateModel(
            name='HostInvitation',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(help_text='The host name that the machine gets.', max_length=60)),
                ('verifier_encrypted', models.TextField(editable=False)),
                ('shared_encrypted', models.TextField(editable=False, help_text='The URLs of database and broker for this machine, if they differ from ours.')),
                ('replaces', models.BooleanField(default=False, help_text='Whether the machine takes the place of a known host.')),
                ('created_by', models.CharField(blank=True, max_length=150)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('expires_at', models.DateTimeField()),
                ('used_at', models.DateTimeField(blank=True, null=True)),
                ('used_from', models.CharField(blank=True, help_text='Address of the machine that used it.', max_length=255)),
                ('used_by', models.CharField(blank=True, help_text='Name that this machine gives itself.', max_length=255)),
                ('used_place', models.CharField(blank=True, help_text='Tells machines and data folders apart.', max_length=64)),
                ('withdrawn_at', models.DateTimeField(blank=True, null=True)),
                ('withdrawn_by', models.CharField(blank=True, max_length=150)),
            ],
            options={
                'ordering': ['-created_at', '-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('used_at', None), ('withdrawn_at', None)), fields=('name',), name='one_open_invitation_for_each_name')],
            },
        ),
        migrations.CreateModel(
            name='SettingsPreset',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=cameras.models.kind_choices, max_length=20)),
                ('name', models.CharField(max_length=60, validators=[django.core.validators.RegexValidator('\\A[^\\W_](?:[\\w ,.()+-]{0,58}[\\w.)+-])?\\Z', "A preset's name is 1 to 60 letters, digits, spaces and , . ( ) + - _, and begins with a letter or digit.")])),
                ('settings', models.JSONField(default=dict)),
                ('saved_by', models.CharField(blank=True, max_length=150)),
                ('saved_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'ordering': ['kind', 'name'],
                'constraints': [models.UniqueConstraint(fields=('kind', 'name'), name='one_preset_of_a_name_for_each_kind')],
            },
        ),
        migrations.CreateModel(
            name='Camera',
            fields=[
                ('id', models.UUIDField(default=uuid6.uuid7, editable=False, primary_key=True, serialize=False)),
                ('slug', models.CharField(max_length=40, validators=[django.core.validators.RegexValidator('\\A[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?\\Z', "A camera's id is 1 to 40 lower-case letters, digits and hyphens, and begins and ends with a letter or digit.")], verbose_name='id')),
                ('name', models.CharField(max_length=80)),
                ('kind', models.CharField(choices=cameras.models.kind_choices, max_length=20)),
                ('address', models.CharField(blank=True, help_text='As it may be shown: *** stands for a password.', max_length=500)),
                ('encrypted_address', models.TextField(blank=True, editable=False, help_text="The address's passwords, encrypted.")),
                ('host', models.CharField(max_length=60)),
                ('enabled', models.BooleanField(default=True)),
                ('connected', models.BooleanField(default=True)),
                ('recording', models.CharField(blank=True, help_text='The kind of clips to record; empty: none.', max_length=10)),
                ('recording_by', models.CharField(blank=True, editable=False, help_text='Who last requested it.', max_length=150)),
                ('recording_experiments', models.JSONField(blank=True, db_default=models.Value([], models.JSONField()), default=list, editable=False, help_text='The experiments to which the clips that are recorded now belong.')),
                ('primary', models.BooleanField(default=False)),
                ('settings', models.JSONField(blank=True, default=dict)),
                ('keep', models.JSONField(default=cameras.runtime.file_formats.default_keep, help_text='Formats of the files that Skycam makes of a still, the primary one first.')),
                ('fits_compression', models.CharField(choices=[('none', 'none'), ('rice', 'Rice, by tiles inside of the .fits file')], default='none', max_length=10)),
                ('restricted', models.BooleanField(default=False, help_text='Only managers and its audience may see it; otherwise all users with a role.')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('removed_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('observed', models.CharField(choices=[('disabled', 'Disabled'), ('disconnected', 'Disconnected'), ('starting', 'Starting'), ('ready', 'Ready'), ('busy', 'Busy'), ('reconnecting', 'Reconnecting'), ('quarantined', 'Quarantined'), ('host_down', 'Host Down')], default='host_down', editable=False, max_length=20)),
                ('observed_reason', models.TextField(blank=True, editable=False)),
                ('observed_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('identity', models.JSONField(blank=True, default=dict, editable=False)),
                ('capabilities', models.JSONField(blank=True, default=dict, editable=False)),
                ('read_back', models.JSONField(blank=True, default=dict, editable=False, help_text='Settings as last read back.')),
                ('read_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('differs', models.JSONField(blank=True, default=list, editable=False, help_text='Settings changed on its body.')),
                ('held_by', models.CharField(blank=True, editable=False, help_text='The holder of its lease, or the last one.', max_length=150)),
                ('held_since', models.DateTimeField(blank=True, editable=False, null=True)),
                ('held_until', models.DateTimeField(blank=True, editable=False, null=True)),
                ('taken_from', models.CharField(blank=True, editable=False, help_text='Who held it before a takeover.', max_length=150)),
                ('audience', models.ManyToManyField(blank=True, help_text='Who may see it besides managers while it is restricted.', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['slug'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('removed_at', None)), fields=('slug',), name='one_present_camera_for_each_slug'), models.UniqueConstraint(condition=models.Q(('primary', True), ('removed_at', None)), fields=('primary',), name='at_most_one_primary_camera')],
            },
        ),
    ]
