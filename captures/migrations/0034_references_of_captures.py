
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('captures', '0033_capture_totals'),
    ]

    operations = [
        migrations.CreateModel(
            name='CaptureReference',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField(default=0, help_text='In the order of the camera.')),
                ('kind', models.CharField(max_length=20)),
                ('place', models.CharField(help_text='As the camera says it, such as host:/folder/name.', max_length=500)),
                ('bytes', models.PositiveBigIntegerField(blank=True, help_text='Empty: unknown.', null=True)),
                ('sha256', models.CharField(blank=True, help_text='As the camera says it. Empty: unknown.', max_length=64)),
                ('capture', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='references', to='captures.capture')),
            ],
            options={
                'ordering': ['number'],
                'constraints': [models.UniqueConstraint(fields=('capture', 'number'), name='references_of_a_capture_are_numbered')],
            },
        ),
    ]
