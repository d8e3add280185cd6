"""Mandates of others than the holder, held by the database: n of m signatures, four eyes, one objection (R-SUP-11)."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

MANDATES = """
create function cases_mandate_stops(of_case bigint) returns boolean language sql stable as $$
    select exists (
        select from cases_mandate as m where m.case_id = of_case and m.state = 'open' and (
            (m.stops and m.accepted_by_id is null)
            or exists (select from cases_signer as s where s.mandate_id = m.id and s.objected_at is not null)
        )
    )
$$;

create function cases_guard_mandate() returns trigger language plpgsql as $$
declare mandate cases_mandate; signed integer; agreed integer;
begin
    select * into mandate from cases_mandate where case_id = new.case_id and state = 'open' for no key update;
    if not found then
        return new;
    end if;
    if cases_mandate_stops(new.case_id) then
        raise exception 'four eyes: somebody objects, or nobody accepted the mandate'
            using errcode = 'restrict_violation';
    end if;
    if new.event = 'release' then
        return new;
    end if;
    select count(*) into signed from cases_signer as s
    where s.mandate_id = mandate.id and s.signed_at is not null and s.signed_digest = mandate.digest;
    select count(distinct a.staff_id) into agreed
    from cases_decision as d join cases_approval as a on a.decision_id = d.id
    where d.id = mandate.accepted_by_id and d.case_id = new.case_id and d.action = 'mandate' and d.state = 'done'
        and a.agrees and a.digest = d.digest and a.staff_id <> d.asked_by_id;
    if new.event <> 'approve' or signed < mandate.needed or agreed < 2 then
        raise exception 'four eyes: % of % signatures, % of 2 people', signed, mandate.needed, agreed
            using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger mandate before insert on cases_caseevent
    for each row when (new.event in ('approve', 'submit', 'schedule', 'release'))
    execute function cases_guard_mandate();

create function cases_guard_signer() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' or (tg_op = 'UPDATE' and new.mandate_id <> old.mandate_id) or (
        tg_op = 'INSERT' and exists (
            select from cases_mandate as m where m.id = new.mandate_id and m.accepted_by_id is not null
        )
    ) then
        raise exception 'four eyes: who must sign is not rewritten' using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger four_eyes before insert or update or delete on cases_signer
    for each row execute function cases_guard_signer();

create or replace function cases_guard_history() returns trigger language plpgsql as $$
begin
    if new.event = 'release' and exists (
        select from cases_casehold as h where h.case_id = new.case_id and h.released_at is null
            and h.scope in (
                'both', case when new.to_state in ('observation', 'erasure', 'erased') then 'erasure' else 'closing' end
            )
    ) then
        raise exception 'four eyes: a hold stands' using errcode = 'restrict_violation';
    end if;
    if new.event in ('approve', 'refuse') and not exists (
        select from cases_decision as d where d.case_id = new.case_id and d.state = 'done'
            and d.id = (new.detail ->> 'decision')::bigint
            and (d.action = new.event or (new.event = 'approve' and d.action in ('proof', 'mandate')))
    ) then
        raise exception 'four eyes: nobody decided to %', new.event using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
"""
UNDO = """
drop trigger four_eyes on cases_signer;
drop trigger mandate on cases_caseevent;
drop function cases_guard_signer();
drop function cases_guard_mandate();
drop function cases_mandate_stops(bigint);
"""
KINDS = [(kind, kind) for kind in ("estate", "guardian", "joint", "corporate")]


class Migration(migrations.Migration):
    """A mandate, its signers, and what the database holds of both."""

    dependencies = [("cases", "0012_campaign_marks")]
    operations = [
        migrations.CreateModel(
            name="Mandate",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("venue", models.CharField(max_length=32)),
                ("account_id", models.BigIntegerField(null=True)),
                ("kind", models.CharField(choices=KINDS, max_length=12)),
                ("state", models.CharField(default="notice", max_length=8)),
                ("needed", models.PositiveSmallIntegerField(default=0)),
                ("digest", models.CharField(blank=True, max_length=64)),
                ("stops", models.BooleanField(default=False)),
                ("froze", models.BooleanField(default=False)),
                ("sealed", models.BinaryField(default=b"")),
                ("opened_at", models.DateTimeField()),
                (
                    "accepted_by",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="cases.decision",
                    ),
                ),
                (
                    "case",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="mandate",
                        to="cases.case",
                    ),
                ),
                (
                    "opened_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="cases.staff",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["venue", "state", "id"], name="mandates_of_venue")],
                "constraints": [
                    models.CheckConstraint(
                        condition=~Q(state="open")
                        | Q(case__isnull=False, opened_by__isnull=False, needed__gte=1) & ~Q(digest=""),
                        name="an_open_mandate_has_a_case",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Signer",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("language", models.CharField(max_length=2)),
                ("sealed", models.BinaryField()),
                ("signed_at", models.DateTimeField(null=True)),
                ("signed_digest", models.CharField(blank=True, max_length=64)),
                ("objected_at", models.DateTimeField(null=True)),
                (
                    "mandate",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="signers",
                        to="cases.mandate",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(signed_at__isnull=True) | Q(objected_at__isnull=True),
                        name="signs_or_objects",
                    ),
                    models.CheckConstraint(
                        condition=Q(signed_at__isnull=True) | ~Q(signed_digest=""),
                        name="a_signature_has_a_text",
                    ),
                ],
            },
        ),
        migrations.AddField(
            "evidencerequest",
            "signer",
            models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cases.signer"
            ),
        ),
        migrations.RemoveConstraint("evidencerequest", "one_open_request_of_a_kind"),
        migrations.AddConstraint(
            "evidencerequest",
            models.UniqueConstraint(
                condition=Q(state="open"),
                fields=("case", "kind", "signer"),
                name="one_open_request_of_a_kind",
                nulls_distinct=False,
            ),
        ),
        migrations.RunSQL(MANDATES, UNDO),
    ]
