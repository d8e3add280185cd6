"""A campaign that surprises stops by itself, before it has surprised many."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction

from closeout.cases.campaigns import plans, starting
from closeout.cases.effects import LONGEST_WAIT
from closeout.cases.models import Campaign

# Unexpected is: the venue found something left after the last check had passed; a command was given up; a handler
# broke. Not unexpected: a blocker at the last check, a venue that does not answer.
SURPRISES = """
select
    (
        select count(*) from cases_caseevent as e join cases_case as c on c.id = e.case_id
        where e.event = 'reopen' and e.at > %(since)s and c.campaign_id = %(campaign)s
    ) + (
        select count(*) from cases_effect as e join cases_case as c on c.id = e.case_id
        where e.state = 'failed' and e.run_at > %(since)s and c.campaign_id = %(campaign)s
    ) + (
        select count(*) from cases_effect as e join cases_case as c on c.id = e.case_id
        where e.state = 'ready' and e.lane = 2 and e.fault = 'bug' and e.run_at > %(since)s
            and e.run_at <= %(until)s and c.campaign_id = %(campaign)s
    )
"""


def surprises(campaign: Campaign, plan: plans.Plan, *, now: datetime) -> int:
    """Return how many outcomes nobody expected lie in the window, counted from the last start or resumption."""
    since = now - timedelta(minutes=plan.failsafe_minutes)
    begun = campaign.resumed_at or campaign.started_at
    with connection.cursor() as cursor:
        cursor.execute(
            SURPRISES,
            {"since": max(since, begun or since), "until": now + LONGEST_WAIT, "campaign": campaign.pk},
        )
        return int(cursor.fetchone()[0])


def look(*, now: datetime) -> int:
    """Pause every running campaign with more surprises than its plan allows; return how many were paused."""
    paused = 0
    for campaign in Campaign.objects.filter(state="running"):
        plan = plans.read(campaign.plan)
        if surprises(campaign, plan, now=now) <= plan.failsafe_max:
            continue
        with transaction.atomic():
            row = Campaign.objects.select_for_update().filter(pk=campaign.pk, state="running").first()
            if row is not None:
                starting.halt(row, by="system", why="failsafe", now=now)
                paused += 1
    return paused
