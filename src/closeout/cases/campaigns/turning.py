"""One turn of every campaign: a batch of each, so that none waits behind another and no person behind any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from closeout.cases import audit, brakes, queries
from closeout.cases.campaigns import changing, failsafe, notices, opening, plans, stages
from closeout.cases.models import Campaign, CampaignMember, Case
from closeout.lifecycle import State

GRACE = timedelta(days=30)  # after the last date; then what is left is named in the report and left to people
BATCH = 500
MOVING = (State.APPLICATION, State.COOLING_OFF, State.CLOSING)
Sweep = Callable[[Sequence[int], datetime], int]


def turn(*, now: datetime, close: Sweep, erase: Sweep) -> int:
    """Do one batch of what is due for each campaign; return how much was done.

    ``close`` and ``erase`` are what the worker does with a person's due cases, and do the same here.
    """
    done = failsafe.look(now=now)
    for campaign in Campaign.objects.filter(state="running").order_by("id"):
        done += _running(campaign, close, now=now)
    for campaign in Campaign.objects.filter(state="stopped").order_by("id"):
        done += _undo(campaign, now=now)
    return done + _erase(erase, now=now) + notices.send(now=now)


def _running(campaign: Campaign, close: Sweep, *, now: datetime) -> int:
    plan = plans.read(campaign.plan)
    done = notices.write(campaign, plan, now=now)
    done += stages.step(campaign, plan, now=now)
    done += opening.open_cases(campaign, plan, now=now)
    done += opening.close_due(campaign, close, now=now)
    campaign.refresh_from_db()
    if campaign.state == "running":
        done += opening.next_wave(campaign, plan, now=now)
        done += _finish(campaign, plan, now=now)
    return done


def _erase(erase: Sweep, *, now: datetime) -> int:
    """Begin the erasure of those whose observation is over, whatever became of their campaign."""
    done = 0
    for campaign in Campaign.objects.exclude(state="draft").values_list("pk", flat=True):
        with transaction.atomic():
            if brakes.engaged():
                return done
            due = queries.due(State.OBSERVATION, now=now, most=BATCH, campaign=campaign)
            done += erase(due, now) if due else 0
    return done


def _undo(campaign: Campaign, *, now: datetime) -> int:
    """Give back what a stopped campaign has not closed: cases, restrictions, membership."""
    with transaction.atomic():
        rows = CampaignMember.objects.filter(campaign=campaign, active=True, outcome="")
        closing = Case.objects.filter(campaign=campaign, state=State.CLOSING).values("pk")
        open_ = rows.filter(Q(case=None) | ~Q(case__in=closing)).order_by("id")
        members = list(open_.select_for_update(skip_locked=True, no_key=True)[:BATCH])
        if members:
            changing.release(campaign, members, outcome="released", now=now)
    return len(members)


def _finish(campaign: Campaign, plan: plans.Plan, *, now: datetime) -> int:
    """End a campaign of which nobody is on the way any more; after the grace, name those who still are."""
    last = max(at for _, at in plan.stages)
    if now < last or (stages.left(campaign) and now < last + GRACE):
        return 0
    with transaction.atomic():
        rows = CampaignMember.objects.filter(campaign=campaign, active=True)
        moving = Case.objects.filter(campaign=campaign, held=False, state__in=MOVING)
        if moving.exists() or rows.filter(outcome="", stage__lt=len(plan.stages)).exists():
            return 0
        rows.filter(outcome="").update(outcome="left_open")
        rows.update(active=False)
        if not Campaign.objects.filter(pk=campaign.pk, state="running").update(
            state="finished", ended_at=now
        ):
            return 0
        audit.append([audit.Line(f"campaign-{campaign.name}", "campaign:finish", "system")], now=now)
    return 1
