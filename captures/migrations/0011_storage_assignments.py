import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('captures', '0010_session_reported'),
    ]

    operations = [
        migrations.CreateModel(
            name='StorageAssignment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('host', models.CharField(max_length=60)),
                ('storage_class', models.CharField(choices=[('captures', 'Captures'), ('clips', 'Clips'), ('archives', 'Archives'), ('products', 'Products')], max_length=10)),
                ('root', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='assignments', to='captures.storageroot')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('host', 'storage_class'), name='one_root_for_each_class_of_a_host'), models.CheckConstraint(condition=models.Q(('storage_class__in', ['captures', 'clips', 'archives', 'products'])), name='a_storage_class_that_exists')],
            },
        ),
    ]
