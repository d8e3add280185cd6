"""Clearings: what was shown, runs, commands, events."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0002_append_only"),
    ]

    operations = [
        migrations.CreateModel(
            name="ClearingShown",
            fields=[
                ("digest", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("venue", models.CharField(max_length=32)),
                ("account_id", models.BigIntegerField()),
                ("confirmed", models.JSONField()),
                ("shown_at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["venue", "account_id"], name="clearing_shown_account")],
            },
        ),
        migrations.CreateModel(
            name="ClearingRun",
            fields=[
                ("run_id", models.CharField(max_length=20, primary_key=True, serialize=False)),
                ("venue", models.CharField(max_length=32)),
                ("account_id", models.BigIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("working", "working"),
                            ("waiting", "waiting"),
                            ("asking", "asking"),
                            ("stopped", "stopped"),
                            ("rest", "rest"),
                            ("cleared", "cleared"),
                            ("replaced", "replaced"),
                        ],
                        max_length=16,
                    ),
                ),
                ("wakes_at", models.DateTimeField(null=True)),
                ("rested_round", models.PositiveIntegerField(default=0)),
                ("worker", models.CharField(blank=True, max_length=64)),
                ("lease_until", models.DateTimeField(null=True)),
                ("opened_at", models.DateTimeField()),
                (
                    "shown",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="cases.clearingshown"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ClearingEvent",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("body", models.JSONField()),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, to="cases.clearingrun"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["run", "id"], name="clearing_event_run")],
            },
        ),
        migrations.CreateModel(
            name="ClearingEntry",
            fields=[
                ("key", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("round", models.PositiveIntegerField()),
                ("position", models.PositiveIntegerField()),
                ("line", models.JSONField()),
                ("receipt", models.JSONField(null=True)),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.CASCADE, to="cases.clearingrun"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("run", "round", "position"), name="one_entry_per_place")
                ],
            },
        ),
        migrations.AddIndex(
            model_name="clearingrun",
            index=models.Index(
                condition=models.Q(("state__in", ["working", "waiting"])),
                fields=["state", "wakes_at"],
                name="clearing_due",
            ),
        ),
        migrations.AddIndex(
            model_name="clearingrun",
            index=models.Index(fields=["venue", "account_id"], name="clearing_account"),
        ),
        migrations.AddConstraint(
            model_name="clearingrun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["cleared", "replaced", "rest"]), _negated=True),
                fields=("venue", "account_id"),
                name="one_open_clearing_per_account",
            ),
        ),
    ]
