"""Correspondence on a case: append-only, erased only by emptying the sealed text."""

import django.db.models.deletion
from django.db import migrations, models

ONLY_FORGET = """
create function cases_refuse_rewriting() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new.sealed = ''::bytea and to_jsonb(new) - 'sealed' = to_jsonb(old) - 'sealed' then
        return new;
    end if;
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end $$;
create trigger append_only before update or delete on cases_casemessage
    for each row execute function cases_refuse_rewriting();
create trigger append_only_truncate before truncate on cases_casemessage
    for each statement execute function cases_refuse_change();
"""
UNDO = """
drop trigger append_only on cases_casemessage;
drop trigger append_only_truncate on cases_casemessage;
drop function cases_refuse_rewriting();
"""


class Migration(migrations.Migration):
    dependencies = [("cases", "0004_lanes_and_aside")]

    operations = [
        migrations.CreateModel(
            name="CaseMessage",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("venue", models.CharField(max_length=32)),
                ("account_id", models.BigIntegerField()),
                (
                    "audience",
                    models.CharField(
                        choices=[("holder", "holder"), ("agents", "agents"), ("compliance", "compliance")],
                        max_length=12,
                    ),
                ),
                ("kind", models.CharField(default="message", max_length=24)),
                (
                    "author_kind",
                    models.CharField(
                        choices=[("holder", "holder"), ("agent", "agent"), ("system", "system")], max_length=8
                    ),
                ),
                ("author", models.CharField(blank=True, max_length=64)),
                ("key", models.CharField(max_length=64)),
                ("sealed", models.BinaryField()),
                ("sent_at", models.DateTimeField()),
                (
                    "case",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="correspondence",
                        to="cases.case",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["venue", "account_id", "id"], name="thread_of_account")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("venue", "account_id", "key"), name="one_message_per_key"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("author_kind", "holder"), ("audience", "holder"), ("author", "")),
                            models.Q(("author_kind", "holder"), _negated=True),
                            _connector="OR",
                        ),
                        name="a_holder_speaks_openly",
                    ),
                ],
            },
        ),
        migrations.RunSQL(ONLY_FORGET, UNDO),
    ]
