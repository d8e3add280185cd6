"""Why a letter can never be sent, and why a holder leaves."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cases", "0005_correspondence")]

    operations = [
        migrations.AddField(
            model_name="message",
            name="fault",
            field=models.CharField(blank=True, db_default="", default="", max_length=32),
        ),
        migrations.CreateModel(
            name="StatedReason",
            fields=[
                (
                    "case",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="reason",
                        serialize=False,
                        to="cases.case",
                    ),
                ),
                ("sealed", models.BinaryField()),
                ("given_at", models.DateTimeField()),
            ],
        ),
    ]
