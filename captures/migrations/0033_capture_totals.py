import django.db.models.deletion
from django.db import migrations, models

BOUNDS_MS = (100, 250, 500, 1_000, 2_500, 5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 900_000)
SECONDS = {
    "sqlite": "MAX(0.0, (julianday(ended_at) - julianday(started_at)) * 86400.0)",
    "postgresql": "GREATEST(0.0, EXTRACT(EPOCH FROM ended_at - started_at))",
}


def count_captures(apps, schema_editor):
    """Count the captures and gaps that exist: one statement each, because a station may have a million captures."""
    seconds = SECONDS[schema_editor.connection.vendor]
    # A tenth of a millisecond of tolerance: SQLite's days are rounded to 40 microseconds.
    bound = " ".join(f"WHEN {seconds} <= {ms / 1000 + 0.0001} THEN {ms}" for ms in BOUNDS_MS)
    has_duration = "status = 'saved' AND ended_at IS NOT NULL"
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(f"""
            INSERT INTO captures_capturetotal (camera_id, status, reason, duration_le_ms, captures, seconds)
            SELECT camera_id, status, reason, bound, COUNT(*), COALESCE(SUM(seconds), 0.0) FROM (
                SELECT camera_id, status, reason,
                       CASE WHEN NOT ({has_duration}) THEN 0 {bound} ELSE 2147483647 END AS bound,
                       CASE WHEN {has_duration} THEN {seconds} ELSE 0.0 END AS seconds
                FROM captures_capture WHERE status <> 'planned' AND origin = 'camera'
            ) AS counted GROUP BY camera_id, status, reason, bound
        """)
    Total = apps.get_model("captures", "CaptureTotal")
    gaps = apps.get_model("captures", "SessionGap").objects.order_by().values("session__camera", "reason")
    for gap in gaps.annotate(number=models.Sum("count")):
        total, _ = Total.objects.get_or_create(
            camera_id=gap["session__camera"], status="skipped", reason=gap["reason"], duration_le_ms=0
        )
        Total.objects.filter(pk=total.pk).update(captures=models.F("captures") + gap["number"])


class Migration(migrations.Migration):

    dependencies = [
        ('cameras', '0013_experiments_that_record'),
        ('captures', '0032_the_clocks_of_hosts'),
    ]

    operations = [
        migrations.CreateModel(
            name='CaptureTotal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('planned', 'Planned'), ('saved', 'Saved'), ('failed', 'Failed'), ('skipped', 'Skipped')], max_length=8)),
                ('reason', models.CharField(blank=True, max_length=40)),
                ('duration_le_ms', models.PositiveIntegerField(default=0, help_text='The upper bound of their durations; 0: not saved, and so without one.')),
                ('captures', models.PositiveBigIntegerField(default=0)),
                ('seconds', models.FloatField(default=0.0, help_text='The sum of their durations.')),
                ('camera', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='capture_totals', to='cameras.camera')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('camera', 'status', 'reason', 'duration_le_ms'), name='one_total_for_each_outcome')],
            },
        ),
        migrations.RunPython(count_captures, migrations.RunPython.noop),
    ]
