"""Staff, tasks, decisions, holds, evidence: the tables of the console."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0007_policy_changes"),
    ]

    operations = [
        migrations.CreateModel(
            name="Approval",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("agrees", models.BooleanField()),
                ("digest", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="CaseHold",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=16)),
                ("scope", models.CharField(max_length=8)),
                ("sealed", models.BinaryField()),
                ("ordered_on", models.DateField()),
                ("placed_at", models.DateTimeField()),
                ("released_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ContactHash",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("venue", models.CharField(max_length=32)),
                ("account_id", models.BigIntegerField()),
                ("kind", models.CharField(max_length=8)),
                ("hash", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="Decision",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("action", models.CharField(max_length=16)),
                ("reasons", models.JSONField(default=list)),
                ("detail", models.JSONField(default=dict)),
                ("digest", models.CharField(max_length=64)),
                ("needed", models.PositiveSmallIntegerField()),
                ("state", models.CharField(default="open", max_length=8)),
                ("asked_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Evidence",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=12)),
                ("media_type", models.CharField(max_length=32)),
                ("size", models.BigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("path", models.CharField(blank=True, max_length=255)),
                ("sealed", models.BinaryField(default=b"")),
                ("received_at", models.DateTimeField()),
                ("verdict", models.CharField(blank=True, max_length=8)),
                ("judged_at", models.DateTimeField(null=True)),
                ("delete_at", models.DateTimeField(null=True)),
                ("deleted_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="EvidenceRequest",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=12)),
                ("asked_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("challenge", models.BinaryField(default=b"")),
                ("challenged_at", models.DateTimeField(null=True)),
                ("state", models.CharField(default="open", max_length=8)),
            ],
        ),
        migrations.CreateModel(
            name="EvidenceView",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Finding",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=16)),
                ("asset", models.CharField(blank=True, max_length=32)),
                ("amount", models.DecimalField(decimal_places=18, max_digits=36, null=True)),
                ("sealed", models.BinaryField()),
                ("recorded_at", models.DateTimeField()),
                ("resolved_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Staff",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=64, unique=True)),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("support", "support"),
                            ("identity", "identity"),
                            ("compliance", "compliance"),
                            ("approver", "approver"),
                            ("auditor", "auditor"),
                            ("operator", "operator"),
                        ],
                        max_length=12,
                    ),
                ),
                ("venue", models.CharField(max_length=32)),
                ("account_id", models.BigIntegerField(null=True)),
                ("authenticator", models.BinaryField()),
                ("active", models.BooleanField(default=True)),
                ("added_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="StaffSession",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Task",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("venue", models.CharField(max_length=32)),
                ("account_id", models.BigIntegerField()),
                (
                    "team",
                    models.CharField(
                        choices=[
                            ("support", "support"),
                            ("identity", "identity"),
                            ("compliance", "compliance"),
                            ("approval", "approval"),
                        ],
                        max_length=12,
                    ),
                ),
                ("kind", models.CharField(max_length=16)),
                ("waits_for", models.CharField(default="us", max_length=8)),
                ("opened_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("escalated_at", models.DateTimeField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Waiver",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=8)),
                ("code", models.CharField(max_length=64)),
                ("item", models.CharField(blank=True, max_length=128)),
                ("action_digest", models.CharField(blank=True, max_length=64)),
                ("at", models.DateTimeField()),
            ],
        ),
    ]
