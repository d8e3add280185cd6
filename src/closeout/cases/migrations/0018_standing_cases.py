"""Index the cases that wait for people or for the venue: they have no date, and every turn asks for them."""

from django.db import migrations, models

from closeout.lifecycle import State


class Migration(migrations.Migration):
    """A turn of the worker reads no case that is not due."""

    dependencies = [("cases", "0017_history_in_partitions")]
    operations = [
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                fields=["state", "campaign", "id"],
                condition=models.Q(state__in=[State.REVIEW, State.CLOSING]),
                name="standing_cases",
            ),
        )
    ]
