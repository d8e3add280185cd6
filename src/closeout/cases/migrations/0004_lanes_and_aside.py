"""Let people's effects go before those of sweeps, set broken cases aside, and watch every held case."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Columns with a default in the database: workers of the version before go on writing."""

    dependencies = [("cases", "0003_clearings")]
    operations = [
        migrations.AddField("case", "aside_until", models.DateTimeField(null=True)),
        migrations.AddField("effectrow", "lane", models.PositiveSmallIntegerField(default=1, db_default=1)),
        migrations.RemoveIndex("effectrow", "ready_effects"),
        migrations.AddIndex(
            "effectrow",
            models.Index(
                fields=["lane", "run_at", "id"],
                condition=models.Q(state="ready"),
                name="ready_effects",
            ),
        ),
        migrations.RemoveIndex("case", "watched_cases"),
        migrations.AddIndex(
            "case",
            models.Index(
                fields=["looked_at"],
                condition=models.Q(state__in=["cooling_off", "pause"]) | models.Q(held=True),
                name="watched_cases",
            ),
        ),
    ]
