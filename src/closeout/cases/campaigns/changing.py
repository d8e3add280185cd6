"""Accounts that join later, and appeals: asked by one person, decided by another."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F

from closeout.cases import audit, policies, queries
from closeout.cases.campaigns import starting
from closeout.cases.models import Campaign, CampaignChange, CampaignMember
from closeout.cases.operations import Actor, advance
from closeout.lifecycle import Event, State
from closeout.reasons import refuse

BACK = frozenset({State.APPLICATION, State.COOLING_OFF, State.PAUSE})


def ask(name: str, account: int, *, kind: str, by: str, why: str, now: datetime) -> CampaignChange:
    """Ask that ``account`` joins (add) or leaves by evidence (appeal); an appeal suspends it at once (hard case 53).

    Raises: Refused (campaign_state, campaign_member, campaign_not_member, campaign_twice, why_missing).
    """
    if not why.strip():
        raise refuse("why_missing")
    who = policies.person(by)
    with transaction.atomic():
        campaign = starting.named(name, lock=True)
        if campaign.state not in ("running", "paused"):
            raise refuse("campaign_state", state=campaign.state)
        member = CampaignMember.objects.filter(campaign=campaign, account_id=account, active=True)
        if kind == "appeal" and not member.update(suspended=True):
            raise refuse("campaign_not_member")
        if kind == "add" and CampaignMember.objects.filter(account_id=account, active=True).exists():
            raise refuse("campaign_member")
        try:
            with transaction.atomic():
                change = CampaignChange.objects.create(
                    campaign=campaign,
                    account_id=account,
                    kind=kind,
                    why=why.strip(),
                    asked_by=who,
                    asked_at=now,
                )
        except IntegrityError as twice:
            raise refuse("campaign_twice") from twice
        _noted(campaign, account, f"ask_{kind}", who, now=now)
    return change


def decide(name: str, account: int, *, by: str, granted: bool, now: datetime) -> None:
    """Grant or deny what was asked for ``account``. Raises: Refused (campaign_no_change, same_person)."""
    who = policies.person(by)
    with transaction.atomic():
        campaign = starting.named(name, lock=True)
        change = CampaignChange.objects.filter(campaign=campaign, account_id=account, granted=None).first()
        if change is None:
            raise refuse("campaign_no_change")
        if change.asked_by == who:
            raise refuse("same_person")
        change.decided_by, change.decided_at, change.granted = who, now, granted
        change.save(update_fields=["decided_by", "decided_at", "granted"])
        if change.kind == "appeal":
            _appealed(campaign, account, granted=granted, now=now)
        elif granted:
            _added(campaign, account)
        _noted(campaign, account, "grant" if granted else "deny", who, now=now)


def _appealed(campaign: Campaign, account: int, *, granted: bool, now: datetime) -> None:
    """Let the account go on where it stood, or leave with everything as before."""
    member = CampaignMember.objects.select_for_update().get(campaign=campaign, account_id=account)
    member.suspended = False
    if granted:
        release(campaign, [member], outcome="appealed", now=now)
    else:
        member.save(update_fields=["suspended"])


def release(campaign: Campaign, members: list[CampaignMember], *, outcome: str, now: datetime) -> None:
    """Give ``members`` back to their holders; what is closed stays closed. Raises: Unreachable."""
    from closeout.cases import venues

    cases = queries.cases([member.case_id for member in members if member.case_id])
    back = {case.pk for case in cases if case.state in BACK}
    kept = {case.pk for case in cases} - back
    free = [member for member in members if member.case_id not in kept]
    venues.sandbox().lift([member.account_id for member in free])
    if back:
        advance(back, Event.WITHDRAW, actor=Actor("campaign", campaign.name), now=now)
    CampaignMember.objects.filter(pk__in=[member.pk for member in free]).update(
        active=False, suspended=False, outcome=outcome
    )
    CampaignMember.objects.filter(case__in=kept, outcome="").update(suspended=False)


def _added(campaign: Campaign, account: int) -> None:
    """Let the account begin with the first stage: it goes through all that were missed, one after the other."""
    try:
        with transaction.atomic():
            CampaignMember.objects.create(
                campaign=campaign, venue=campaign.venue, account_id=account, active=True, detail="added"
            )
    except IntegrityError as already:
        raise refuse("campaign_member") from already
    Campaign.objects.filter(pk=campaign.pk).update(population=F("population") + 1)


def _noted(campaign: Campaign, account: int, what: str, who: str, *, now: datetime) -> None:
    line = audit.Line(f"campaign-{campaign.name}", f"campaign:{what}", f"agent:{who}", {"account": account})
    audit.append([line], now=now)
