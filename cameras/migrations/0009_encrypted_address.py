from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("cameras", "0008_audiences_are_restrictions"),
    ]

    operations = [
        migrations.RenameField(model_name="camera", old_name="sealed", new_name="encrypted_address"),
    ]
