from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cameras", "0013_experiments_that_record"),
    ]

    operations = [
        migrations.AlterField(
            model_name="camera",
            name="kind",
            field=models.CharField(
                choices=[
                    ("gphoto2", "DSLR over USB (gphoto2)"),
                    ("network", "Network camera (RTSP, MJPEG, MPEG-TS)"),
                    ("opencv", "USB camera or video file (OpenCV)"),
                    ("pixelink", "PixeLink microscope camera"),
                    ("simulated", "Simulated camera"),
                    ("telescope", "Telescope's mosaic camera"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="settingspreset",
            name="kind",
            field=models.CharField(
                choices=[
                    ("gphoto2", "DSLR over USB (gphoto2)"),
                    ("network", "Network camera (RTSP, MJPEG, MPEG-TS)"),
                    ("opencv", "USB camera or video file (OpenCV)"),
                    ("pixelink", "PixeLink microscope camera"),
                    ("simulated", "Simulated camera"),
                    ("telescope", "Telescope's mosaic camera"),
                ],
                max_length=20,
            ),
        ),
    ]
