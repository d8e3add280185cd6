"""Changes of the policy: two people, in order, never rewritten."""

import django.db.models.deletion
from django.db import migrations, models

GUARD = """
create function cases_guard_policy() returns trigger language plpgsql as $$
declare
    free text[] := case
        when tg_op = 'UPDATE' and old.number is null
            then array['approved_by', 'approved_at', 'number', 'applied_at']
        else array['applied_at'] end;
begin
    if tg_op = 'DELETE' or to_jsonb(new) - free <> to_jsonb(old) - free then
        raise exception 'a change of policy is not rewritten' using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger not_rewritten before update or delete on cases_policychange
    for each row execute function cases_guard_policy();
create trigger not_emptied before truncate on cases_policychange
    for each statement execute function cases_refuse_change();
alter table cases_policychange add constraint people_are_written_alike check (
    drafted_by = lower(btrim(drafted_by)) and approved_by = lower(btrim(approved_by)) and drafted_by <> ''
);
"""
UNDO = """
drop trigger not_rewritten on cases_policychange;
drop trigger not_emptied on cases_policychange;
drop function cases_guard_policy();
"""


class Migration(migrations.Migration):
    dependencies = [("cases", "0006_letters_and_reasons")]

    operations = [
        migrations.CreateModel(
            name="PolicyChange",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("origin", models.CharField(default="draft", max_length=8)),
                ("drafted_by", models.CharField(max_length=64)),
                ("drafted_at", models.DateTimeField()),
                ("why", models.TextField()),
                ("approved_by", models.CharField(blank=True, max_length=64)),
                ("approved_at", models.DateTimeField(null=True)),
                ("number", models.PositiveIntegerField(null=True, unique=True)),
                ("applied_at", models.DateTimeField(null=True)),
                (
                    "version",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="cases.policyversion"),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("approved_by", models.F("drafted_by")), _negated=True),
                        name="two_people_change_the_policy",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("approved_at", None), ("approved_by", ""), ("number", None)),
                            models.Q(
                                models.Q(("approved_by", ""), _negated=True),
                                models.Q(("approved_at__isnull", False), ("number__isnull", False)),
                            ),
                            _connector="OR",
                        ),
                        name="an_approval_is_whole",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("origin", "file")),
                        fields=("origin",),
                        name="one_policy_from_a_file",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("number", None)),
                        fields=("version",),
                        name="one_open_draft_of_a_version",
                    ),
                ],
            },
        ),
        migrations.RunSQL(GUARD, UNDO),
    ]
