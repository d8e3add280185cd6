"""Questions to the venue in an investigation, and the findings that rest on their answers (R-SUP-3)."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

EVIDENCE = "cases.venueinquiry"


def _answer() -> "models.ForeignKey[Any, Any]":
    return models.ForeignKey(
        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=EVIDENCE
    )


class Migration(migrations.Migration):
    dependencies = [("cases", "0015_staff_provider")]

    operations = [
        migrations.CreateModel(
            name="VenueInquiry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("asset", models.CharField(max_length=32)),
                ("asked_at", models.DateTimeField()),
                ("answered_at", models.DateTimeField(null=True)),
                ("sealed", models.BinaryField(default=b"")),
                ("sha256", models.CharField(blank=True, max_length=64)),
                (
                    "asked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cases.staff"
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="inquiries", to="cases.case"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=Q(answered_at__isnull=True), fields=("case", "asset"), name="one_open_inquiry"
                    ),
                ],
            },
        ),
        migrations.AddField("finding", "inquiry", _answer()),
        migrations.AddField("finding", "cleared_by", _answer()),
    ]
