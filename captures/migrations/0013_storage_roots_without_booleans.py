from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('captures', '0012_assign_storage_roots'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='storageroot',
            name='one_default_root_for_each_host',
        ),
        migrations.RemoveConstraint(
            model_name='storageroot',
            name='at_most_one_video_root_for_each_host',
        ),
        migrations.RemoveField(
            model_name='storageroot',
            name='default',
        ),
        migrations.RemoveField(
            model_name='storageroot',
            name='video',
        ),
    ]
