"""Campaigns: populations, approvals, notices, changes; the brake; sweeps look at people first."""

import django.db.models.deletion
from django.db import migrations, models


GUARD = """
create function cases_guard_campaign() returns trigger language plpgsql as $$
begin
    if old.state in ('stopped', 'finished') and new.state <> old.state then
        raise exception 'a campaign that ended is not begun again' using errcode = 'restrict_violation';
    end if;
    if old.state <> 'draft' and (new.plan, new.digest, new.planned_by, new.kind, new.venue)
        is distinct from (old.plan, old.digest, old.planned_by, old.kind, old.venue) then
        raise exception 'a campaign that was started keeps its plan' using errcode = 'restrict_violation';
    end if;
    if old.state = 'draft' and new.state = 'running' and (
        select count(*) from cases_campaignapproval as a
        where a.campaign_id = new.id and a.digest = new.digest and a.person <> new.planned_by
    ) < 2 then
        raise exception 'two people start a campaign, not who planned it' using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger guarded before update on cases_campaign for each row execute function cases_guard_campaign();
create trigger append_only before update or delete on cases_campaignapproval
    for each row execute function cases_refuse_change();
create trigger append_only_truncate before truncate on cases_campaignapproval
    for each statement execute function cases_refuse_change();
alter table cases_campaignapproval add constraint approvers_are_written_alike
    check (person = lower(btrim(person)) and person <> '');
alter table cases_campaignchange add constraint deciders_are_written_alike
    check (asked_by = lower(btrim(asked_by)) and decided_by = lower(btrim(decided_by)) and asked_by <> '');
alter table cases_campaign add constraint planners_are_written_alike
    check (planned_by = lower(btrim(planned_by)) and planned_by <> '');
insert into cases_brake (id, engaged, why, by, release_by) values (1, false, '', '', '');
"""
UNDO = """
drop trigger guarded on cases_campaign;
drop function cases_guard_campaign();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0010_four_eyes"),
    ]

    operations = [
        migrations.CreateModel(
            name="Brake",
            fields=[
                ("id", models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ("engaged", models.BooleanField(default=False)),
                ("why", models.CharField(blank=True, max_length=32)),
                ("by", models.CharField(blank=True, max_length=64)),
                ("at", models.DateTimeField(null=True)),
                ("release_by", models.CharField(blank=True, max_length=64)),
                ("seen_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Campaign",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=48, unique=True)),
                ("kind", models.CharField(max_length=8)),
                ("venue", models.CharField(max_length=32)),
                ("state", models.CharField(default="draft", max_length=8)),
                ("plan", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
                ("population", models.PositiveIntegerField()),
                ("planned_by", models.CharField(max_length=64)),
                ("planned_at", models.DateTimeField()),
                ("started_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("why", models.CharField(blank=True, max_length=32)),
                ("paused_at", models.DateTimeField(null=True)),
                ("resumed_at", models.DateTimeField(null=True)),
                ("allowance", models.PositiveIntegerField(default=0)),
                ("opened", models.PositiveIntegerField(default=0)),
                ("leased", models.PositiveIntegerField(default=0)),
                ("wave_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="CampaignApproval",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("person", models.CharField(max_length=64)),
                ("digest", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="CampaignChange",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("account_id", models.BigIntegerField()),
                ("kind", models.CharField(max_length=8)),
                ("why", models.TextField()),
                ("asked_by", models.CharField(max_length=64)),
                ("asked_at", models.DateTimeField()),
                ("decided_by", models.CharField(blank=True, max_length=64)),
                ("decided_at", models.DateTimeField(null=True)),
                ("granted", models.BooleanField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="CampaignMember",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("venue", models.CharField(max_length=32)),
                ("account_id", models.BigIntegerField()),
                ("active", models.BooleanField(default=False)),
                ("suspended", models.BooleanField(default=False)),
                ("stage", models.PositiveSmallIntegerField(default=0)),
                ("outcome", models.CharField(blank=True, max_length=16)),
                ("detail", models.CharField(blank=True, max_length=255)),
                ("value", models.DecimalField(decimal_places=18, max_digits=36, null=True)),
                ("escheat_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="CampaignNotice",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("account_id", models.BigIntegerField()),
                ("letter", models.CharField(max_length=32)),
                ("channel", models.CharField(max_length=8)),
                ("state", models.CharField(default="ready", max_length=8)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("run_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(null=True)),
                ("text_hash", models.CharField(blank=True, max_length=64)),
                ("answer", models.CharField(blank=True, max_length=96)),
            ],
        ),
        migrations.RemoveIndex(
            model_name="case",
            name="due_cases",
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("leased__lte", models.F("allowance"))), name="no_more_than_allowed"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("opened__lte", models.F("population"))), name="no_more_than_planned"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("draft", "running", "paused", "stopped", "finished"))),
                name="a_campaign_has_a_state",
            ),
        ),
        migrations.AddField(
            model_name="case",
            name="campaign",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="cases",
                to="cases.campaign",
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("campaign__isnull", True), ("due_at__isnull", False)),
                fields=["state", "due_at"],
                name="due_cases",
            ),
        ),
        migrations.AddIndex(
            model_name="case",
            index=models.Index(
                condition=models.Q(("campaign__isnull", False), ("due_at__isnull", False)),
                fields=["campaign", "state", "due_at"],
                name="due_of_campaign",
            ),
        ),
        migrations.AddField(
            model_name="campaignapproval",
            name="campaign",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="approvals", to="cases.campaign"
            ),
        ),
        migrations.AddField(
            model_name="campaignchange",
            name="campaign",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="cases.campaign"
            ),
        ),
        migrations.AddField(
            model_name="campaignmember",
            name="campaign",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="members",
                to="cases.campaign",
            ),
        ),
        migrations.AddField(
            model_name="campaignmember",
            name="case",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="cases.case",
            ),
        ),
        migrations.AddField(
            model_name="campaignnotice",
            name="campaign",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="notices",
                to="cases.campaign",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaignapproval",
            constraint=models.UniqueConstraint(fields=("campaign", "person"), name="a_person_counts_once"),
        ),
        migrations.AddConstraint(
            model_name="campaignchange",
            constraint=models.CheckConstraint(
                condition=models.Q(("decided_by", models.F("asked_by")), _negated=True),
                name="two_people_decide",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaignchange",
            constraint=models.UniqueConstraint(
                condition=models.Q(("granted", None)),
                fields=("campaign", "account_id"),
                name="one_open_change",
            ),
        ),
        migrations.AddIndex(
            model_name="campaignmember",
            index=models.Index(
                condition=models.Q(("active", True), ("outcome", "")),
                fields=["campaign", "stage", "id"],
                name="members_to_do",
            ),
        ),
        migrations.AddIndex(
            model_name="campaignmember",
            index=models.Index(
                condition=models.Q(("case__isnull", False)), fields=["case"], name="member_of_case"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaignmember",
            constraint=models.UniqueConstraint(fields=("campaign", "account_id"), name="a_member_once"),
        ),
        migrations.AddConstraint(
            model_name="campaignmember",
            constraint=models.UniqueConstraint(
                condition=models.Q(("active", True)),
                fields=("venue", "account_id"),
                name="one_campaign_per_account",
            ),
        ),
        migrations.AddIndex(
            model_name="campaignnotice",
            index=models.Index(
                condition=models.Q(("state", "ready")), fields=["run_at", "id"], name="notices_to_send"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaignnotice",
            constraint=models.UniqueConstraint(
                fields=("campaign", "account_id", "letter", "channel"), name="a_notice_once"
            ),
        ),
        migrations.RunSQL(GUARD, UNDO),
    ]
