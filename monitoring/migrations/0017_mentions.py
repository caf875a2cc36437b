"""Where messages of events and alerts mention cameras. Those from before mention none: their slugs are shown."""

from django.db import migrations, models

MESSAGE = models.TextField(help_text="With the slugs of the cameras that it mentions.")
MENTIONS = models.JSONField(
    blank=True, default=list, help_text="Where it has them: `[[start, end, camera id], ...]`, in characters."
)


class Migration(migrations.Migration):

    dependencies = [
        ("monitoring", "0016_rules_of_gates_and_rates"),
    ]

    operations = [
        operation
        for model in ("alert", "event")
        for operation in (
            migrations.AlterField(model_name=model, name="message", field=MESSAGE.clone()),
            migrations.AddField(model_name=model, name="mentions", field=MENTIONS.clone()),
        )
    ]
