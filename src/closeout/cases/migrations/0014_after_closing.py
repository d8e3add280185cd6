"""Rounds of proving a claim, and identifiers of closed accounts that belong to somebody else by now."""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q


def case(name: str, *, null: bool = False) -> models.ForeignKey[Any]:
    return models.ForeignKey(
        on_delete=django.db.models.deletion.PROTECT, related_name=name, to="cases.case", null=null
    )


class Migration(migrations.Migration):
    dependencies = [("cases", "0013_mandates")]

    operations = [
        migrations.AlterField("campaignnotice", "channel", models.CharField(blank=True, max_length=8)),
        migrations.CreateModel(
            "ClaimRound",
            [
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("digest", models.BinaryField()),
                ("sealed", models.BinaryField()),
                ("language", models.CharField(max_length=8)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("attempts_max", models.PositiveSmallIntegerField()),
                ("begun_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(null=True)),
                ("case", case("claim_rounds", null=True)),
            ],
            options={
                "db_table": "cases_claimround",
                "indexes": [
                    models.Index(fields=["begun_at"], condition=~Q(sealed=b""), name="claims_to_send")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(attempts__lte=F("attempts_max")), name="claims_are_bounded"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            "RecycledIdentifier",
            [
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=8)),
                ("sealed", models.BinaryField()),
                ("noted_at", models.DateTimeField()),
                ("case", case("recycled")),
            ],
            options={
                "db_table": "cases_recycledidentifier",
                "constraints": [
                    models.UniqueConstraint(fields=["case", "kind"], name="one_recycling_of_a_kind")
                ],
            },
        ),
    ]
