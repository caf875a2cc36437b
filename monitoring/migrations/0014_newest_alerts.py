"""Lists of all alerts need not sort them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0013_notifications")]

    operations = [
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["-opened_at", "-id"], name="alert_newest"),
        ),
    ]
