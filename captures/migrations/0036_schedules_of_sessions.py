from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('captures', '0035_delivery_of_clips'),
    ]

    operations = [
        migrations.AddField(
            model_name='session',
            name='schedule',
            field=models.CharField(blank=True, db_default='', default='', help_text='Name of the schedule whose run it is; empty: a user started it.', max_length=120),
        ),
    ]
