"""From the population to cases, and from cooling-off to closing: in waves, leased from the campaign's allowance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F

from closeout.cases import audit, brakes, policies, queries
from closeout.cases.campaigns import plans, stages
from closeout.cases.journal import CAMPAIGN
from closeout.cases.models import Campaign, CampaignMember, Case
from closeout.cases.operations import Actor, advance
from closeout.lifecycle import CLOSED, FINAL, Event, State

BATCH = 500
CLOSING = 250  # closed in one transaction: what somebody who pulls the brake waits for

OPEN = """
with chosen as (
    select s.member_id, s.account_id, nextval('cases_number') as serial
    from unnest(%(members)s::bigint[], %(accounts)s::bigint[]) as s (member_id, account_id)
), made as (
    insert into cases_case (
        number, venue, account_id, state, held, language, policy_id, revision, opened_at, verified_at, action_digest,
        records_choice, withdrawals, campaign_id
    )
    select
        %(prefix)s || lpad(serial::text, greatest(4, length(serial::text)), '0'), %(venue)s, account_id,
        'application', false, 'en', %(policy)s, 1, %(now)s, %(verified_at)s, '', '', 0, %(campaign)s
    from chosen
    on conflict do nothing
    returning id, account_id, number
), linked as (
    update cases_campaignmember as m set case_id = made.id, stage = %(stage)s
    from made, chosen where chosen.account_id = made.account_id and m.id = chosen.member_id
)
select id, number from made
"""
QUEUE = """
select count(*) from (
    select 1 from cases_effect where state = 'ready' and lane = %s and run_at <= %s limit %s
) as open_effects
"""
Sweep = Callable[[Sequence[int], datetime], int]


def open_cases(campaign: Campaign, plan: plans.Plan, *, now: datetime) -> int:
    """Open cases so that their cooling-off ends on the day of closing; return how many members were dealt with.

    The two people who started the campaign stand where the holder's codes stand. Who applied by themselves, or is
    closed already, goes their own way.
    """
    ends = plan.at("close")
    policy = policies.in_force()
    if ends is None or now < ends - timedelta(days=policy.cooling_off_days):
        return 0
    number = [stage for stage, _ in plan.stages].index("close") + 1
    if _queued(now, plan.queue_max) >= plan.queue_max:
        return 0  # back-pressure: the venue is behind
    with transaction.atomic():
        members = stages.waiting(campaign, number - 1, most=BATCH)
        if campaign.kind == "dormancy":
            members = stages.still_dormant(campaign, members, now=now)
        if not members:
            return 0
        mine = _set_apart(campaign, members)
        _ordered(campaign, mine, number, now=now)
    return len(members)


def _queued(now: datetime, most: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(QUEUE, [CAMPAIGN, now, most])
        return int(cursor.fetchone()[0])


def _set_apart(campaign: Campaign, members: Sequence[CampaignMember]) -> list[CampaignMember]:
    """Note those who have a case of their own, and return the others."""
    accounts = [member.account_id for member in members]
    known = Case.objects.filter(venue=campaign.venue, account_id__in=accounts)
    closed = set(known.filter(state__in=CLOSED).values_list("account_id", flat=True))
    own = set(known.exclude(state__in=FINAL).exclude(state__in=CLOSED).values_list("account_id", flat=True))
    for outcome, which in (("closed_before", closed), ("own", own - closed)):
        rows = CampaignMember.objects.filter(campaign=campaign, account_id__in=which, active=True)
        rows.update(outcome=outcome, active=False)
    return [member for member in members if member.account_id not in closed | own]


def _ordered(campaign: Campaign, members: Sequence[CampaignMember], number: int, *, now: datetime) -> None:
    if not members:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            OPEN,
            {
                "members": [member.pk for member in members],
                "accounts": [member.account_id for member in members],
                "prefix": f"CL-{now:%Y%m%d}-", "venue": campaign.venue, "now": now, "campaign": campaign.pk,
                "policy": policies.keep(policies.in_force(), now=now).pk, "stage": number,
                "verified_at": campaign.started_at,
            },
        )  # fmt: skip
        made = dict(cursor.fetchall())
    actor = Actor("campaign", campaign.name)
    audit.append([audit.Line(case, "case:open", str(actor)) for case in sorted(made.values())], now=now)
    advance(made, Event.ORDER, actor=actor, now=now)
    Campaign.objects.filter(pk=campaign.pk).update(opened=F("opened") + len(made))


def close_due(campaign: Campaign, close: Sweep, *, now: datetime) -> int:
    """End the cooling-off of one batch, leased from the allowance in the same transaction; return how many."""
    with transaction.atomic():
        granted = brakes.lease(campaign.pk, most=CLOSING)
        if not granted:
            return 0
        due = queries.due(State.COOLING_OFF, now=now, most=granted, campaign=campaign.pk)
        suspended = set(
            CampaignMember.objects.filter(case__in=due, suspended=True).values_list("case_id", flat=True)
        )
        due = [case for case in due if case not in suspended]
        done = close(due, now) if due else 0
        closing = Case.objects.filter(pk__in=due, state=State.CLOSING).count()
        brakes.give_back(campaign.pk, granted - closing)
        if closing:
            Campaign.objects.filter(pk=campaign.pk).update(wave_at=now)
    return done


def next_wave(campaign: Campaign, plan: plans.Plan, *, now: datetime) -> int:
    """Allow the next wave when the one before is over and people had time to look; return 1 if it was allowed."""
    if campaign.leased < campaign.allowance or campaign.allowance >= campaign.population:
        return 0
    if Case.objects.filter(campaign=campaign, state=State.CLOSING).exists():
        return 0
    if campaign.wave_at and now < campaign.wave_at + timedelta(minutes=plan.hold_minutes):
        return 0
    total = 0
    for wave in plan.waves:
        total += wave
        if total > campaign.allowance:
            break
    else:
        total = campaign.population
    allowed = min(total, campaign.population)
    details = {"allowance": allowed}
    with transaction.atomic():
        row = Campaign.objects.filter(pk=campaign.pk, state="running", allowance=campaign.allowance)
        if not row.update(allowance=allowed, wave_at=now):
            return 0
        audit.append([audit.Line(f"campaign-{campaign.name}", "campaign:wave", "system", details)], now=now)
    return 1
