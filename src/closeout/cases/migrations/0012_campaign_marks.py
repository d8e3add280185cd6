"""What campaigns ask often: which notices were written, what came back from the venue, what was given up."""

from django.db import migrations, models

INDEXES = """
create index reopened_cases on cases_caseevent (at) where event = 'reopen';
create index failed_effects on cases_effect (id) where state = 'failed';
"""
UNDO = "drop index reopened_cases; drop index failed_effects;"


class Migration(migrations.Migration):
    dependencies = [("cases", "0011_campaigns")]

    operations = [
        migrations.AddField("campaign", "told", models.JSONField(default=list)),
        migrations.RunSQL(INDEXES, UNDO),
    ]
