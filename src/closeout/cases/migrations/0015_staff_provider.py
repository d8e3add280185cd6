"""People of the operator who sign in at an identity provider."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("cases", "0014_after_closing")]

    operations = [
        migrations.AddField(
            "staff", "issuer", models.CharField(blank=True, db_default="", default="", max_length=255)
        ),
        migrations.AddField(
            "staff", "subject", models.CharField(blank=True, db_default="", default="", max_length=255)
        ),
        migrations.AlterField("staff", "authenticator", models.BinaryField(default=b"")),
        migrations.AddConstraint(
            "staff",
            models.UniqueConstraint(
                condition=~Q(issuer=""), fields=("issuer", "subject"), name="one_person_of_a_provider"
            ),
        ),
    ]
