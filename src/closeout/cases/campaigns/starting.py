"""Who starts, pauses, resumes and stops a campaign; two people where something begins or goes on."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, connection, transaction

from closeout.cases import audit, policies
from closeout.cases.campaigns import planning, plans
from closeout.cases.models import Campaign, CampaignApproval, CampaignMember
from closeout.reasons import Reason, Refused, refuse

ACTIVATE = """
update cases_campaignmember set active = true where campaign_id = %s
"""
NEEDED = 2


def named(name: str, *, lock: bool = False) -> Campaign:
    """Return the campaign called ``name``. Raises: Refused (campaign_unknown)."""
    rows = Campaign.objects.select_for_update() if lock else Campaign.objects
    found = rows.filter(name=name).first()
    if found is None:
        raise refuse("campaign_unknown", name=name)
    return found


def start(name: str, *, by: str, now: datetime) -> bool:
    """Approve the start of exactly this plan and population; return whether it runs now, with the second person.

    Neither may be the person who planned it; the database counts them. Raises: Refused (campaign_unknown,
    campaign_state, same_person, campaign_changed, campaign_past, campaign_owned).
    """
    who = policies.person(by)
    with transaction.atomic():
        campaign = named(name, lock=True)
        _demand(campaign, "draft")
        if who == campaign.planned_by:
            raise refuse("same_person")
        _demand_unchanged(campaign, now=now)
        approval, fresh = CampaignApproval.objects.get_or_create(
            campaign=campaign, person=who, defaults={"digest": campaign.digest, "at": now}
        )
        if not fresh and approval.digest != campaign.digest:
            raise refuse("campaign_changed")
        people = CampaignApproval.objects.filter(campaign=campaign, digest=campaign.digest).count()
        _noted(campaign, "approve", who, now=now)
        if people < NEEDED:
            return False
        _run(campaign, now=now)
    return True


def _run(campaign: Campaign, *, now: datetime) -> None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(ACTIVATE, [campaign.pk])
    except IntegrityError as owned:
        accounts = list(campaign.members.values_list("account_id", flat=True))
        raise Refused(*planning._owned(accounts) or [Reason("campaign_changed")]) from owned  # noqa: SLF001
    plan = plans.read(campaign.plan)
    campaign.state, campaign.started_at, campaign.resumed_at, campaign.wave_at = "running", now, now, now
    campaign.allowance = min(plan.waves[0] if plan.waves else campaign.population, campaign.population)
    campaign.save(update_fields=["state", "started_at", "resumed_at", "wave_at", "allowance"])
    _noted(campaign, "start", "system", now=now)


def _demand_unchanged(campaign: Campaign, *, now: datetime) -> None:
    accounts = list(CampaignMember.objects.filter(campaign=campaign).values_list("account_id", flat=True))
    if planning.digest(campaign.plan, accounts) != campaign.digest:
        raise refuse("campaign_changed")
    past = [stage for stage, at in plans.read(campaign.plan).stages if at < now]
    if past:
        raise refuse("campaign_past", stages=", ".join(past))


def pause(name: str, *, by: str, now: datetime, why: str = "person") -> None:
    """Stop closing at once; when this returns, nothing irreversible of it happens. Raises: Refused."""
    with transaction.atomic():
        campaign = named(name, lock=True)
        _demand(campaign, "running")
        halt(campaign, by=policies.person(by), why=why, now=now)


def halt(campaign: Campaign, *, by: str, why: str, now: datetime) -> None:
    """Pause ``campaign``, whose row is locked."""
    campaign.state, campaign.why, campaign.paused_at = "paused", why, now
    campaign.save(update_fields=["state", "why", "paused_at"])
    _noted(campaign, "pause", by, now=now, why=why)


def resume(name: str, *, by: str, now: datetime) -> bool:
    """Let a paused campaign go on; after the failsafe stopped it, the second of two people does it.

    Returns whether it runs. Raises: Refused.
    """
    who = policies.person(by)
    with transaction.atomic():
        campaign = named(name, lock=True)
        _demand(campaign, "paused")
        first = campaign.why.removeprefix("failsafe:") if campaign.why.startswith("failsafe:") else ""
        if campaign.why == "failsafe":
            campaign.why = f"failsafe:{who}"[:32]
            campaign.save(update_fields=["why"])
            _noted(campaign, "ask_resume", who, now=now)
            return False
        if first and first == who[: 32 - len("failsafe:")]:
            raise refuse("same_person")
        campaign.state, campaign.why, campaign.resumed_at = "running", "", now
        campaign.save(update_fields=["state", "why", "resumed_at"])
        _noted(campaign, "resume", who, now=now)
    return True


def stop(name: str, *, by: str, now: datetime) -> None:
    """End it for good: what is not closed yet is given back to its holders by the worker. Raises: Refused."""
    with transaction.atomic():
        campaign = named(name, lock=True)
        _demand(campaign, "draft", "running", "paused")
        campaign.state, campaign.ended_at, campaign.why = "stopped", now, "person"
        campaign.save(update_fields=["state", "ended_at", "why"])
        _noted(campaign, "stop", policies.person(by), now=now)


def _demand(campaign: Campaign, *states: str) -> None:
    if campaign.state not in states:
        raise refuse("campaign_state", state=campaign.state)


def _noted(campaign: Campaign, what: str, who: str, *, now: datetime, why: str = "") -> None:
    actor = who if who == "system" else f"agent:{who}"
    details = {"why": why} if why else {"digest": campaign.digest}
    audit.append([audit.Line(f"campaign-{campaign.name}", f"campaign:{what}", actor, details)], now=now)
