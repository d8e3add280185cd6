"""The calendar at work: each stage is done to a batch of members, in order, also when it is late."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Q

from closeout.cases import queries, venues
from closeout.cases.campaigns import changing, plans
from closeout.cases.models import Campaign, CampaignMember
from closeout.lifecycle import State
from closeout.venues import commands
from closeout.venues.base import Command, ReceiptState
from closeout.venues.sandbox import exiting

BATCH = 1000
WENT = "update cases_campaignmember set stage = %s where id = any(%s)"
RESTRICTS = frozenset(exiting.LEVELS)
Members = Sequence[CampaignMember]


def step(campaign: Campaign, plan: plans.Plan, *, now: datetime) -> int:
    """Do every stage whose date has come for one batch each; return for how many members.

    The stage ``close`` is not done here: its cases are opened beforehand and closed one wave after the other.
    """
    done = 0
    for number, (stage, at) in enumerate(plan.stages, start=1):
        if at > now:
            break
        if stage != "close":
            done += _batch(campaign, number, ACTS[stage], now=now)
    return done


def _batch(
    campaign: Campaign, number: int, act: Callable[[Campaign, Members, datetime], None], *, now: datetime
) -> int:
    """Take members who have gone through the stages before ``number`` and let them go through it."""
    with transaction.atomic():
        members = waiting(campaign, number - 1, most=BATCH)
        if not members:
            return 0
        if campaign.kind == "dormancy":
            members = still_dormant(campaign, members, now=now)
        act(campaign, members, now)
        with connection.cursor() as cursor:
            cursor.execute(WENT, [number, [member.pk for member in members]])
    return len(members)


def waiting(campaign: Campaign, stage: int, *, most: int) -> list[CampaignMember]:
    """Lock members who have gone through ``stage`` stages and are to go on."""
    rows = CampaignMember.objects.filter(
        campaign=campaign, stage=stage, active=True, suspended=False, outcome=""
    ).order_by("id")
    return list(rows.select_for_update(skip_locked=True, no_key=True)[:most])


def still_dormant(campaign: Campaign, members: Members, *, now: datetime) -> list[CampaignMember]:
    """Release those who have logged in since: an act of ownership begins the years anew."""
    since = datetime.fromisoformat(campaign.plan["population"]["inactive_since"])
    still = venues.sandbox().ask(
        exiting.population, accounts=[member.account_id for member in members],
        inactive_since=since.replace(tzinfo=None),
    )  # fmt: skip
    asleep = {account for account, _, _ in still}
    awake = [member for member in members if member.account_id not in asleep]
    if awake:
        changing.release(campaign, awake, outcome="active", now=now)
    return [member for member in members if member.account_id in asleep]


def _nothing(_campaign: Campaign, _members: Members, _now: datetime) -> None:
    """Nothing happens to the account: the notice is the stage."""


def _restrict(level: str) -> Callable[[Campaign, Members, datetime], None]:
    def act(_campaign: Campaign, members: Members, _now: datetime) -> None:
        venues.sandbox().restrict([member.account_id for member in members], level)

    return act


def _settle(campaign: Campaign, members: Members, _now: datetime) -> None:
    """Cancel what is ordered and settle what is held, at the price that the venue publishes, once per item."""
    business = venues.sandbox().ask(exiting.open_business, [member.account_id for member in members])
    keyed = [
        (f"campaign-{campaign.pk}-{account}-{what}-{number}", _ends(account, what, number))
        for account, what, number in business
    ]
    receipts = venues.sandbox().submit(keyed) if keyed else []
    no: dict[int, str] = {}
    for (_, command), receipt in zip(keyed, receipts, strict=True):
        if receipt.state is ReceiptState.REJECTED:
            no[command.account_id] = f"settle:{receipt.reason}"
    for member in members:
        if member.account_id in no:
            CampaignMember.objects.filter(pk=member.pk).update(detail=no[member.account_id][:255])


def _ends(account: int, what: str, number: str) -> Command:
    if what == "order":
        return commands.cancel_orders(account, [number])
    return commands.close_position(account, number)


def _custody(_campaign: Campaign, members: Members, now: datetime) -> None:
    """Take what nobody claimed into custody, unconverted; then nothing stands in the way of closing any more."""
    cases = queries.cases([member.case_id for member in members if member.case_id])
    stuck = {case.account_id for case in cases if case.state == State.PAUSE}
    for member in members:
        if member.account_id not in stuck or (member.escheat_at and member.escheat_at > now):
            continue
        moved = venues.sandbox().take_custody(member.account_id)
        if moved:
            said = ", ".join(f"{amount.normalize():f} {asset}" for asset, amount in moved)
            CampaignMember.objects.filter(pk=member.pk).update(detail=f"custody:{said}"[:255])


ACTS: Mapping[str, Callable[[Campaign, Members, datetime], None]] = {
    "announce": _nothing,
    "settle": _settle,
    "custody": _custody,
} | {level: _restrict(level) for level in RESTRICTS}


def left(campaign: Campaign) -> bool:
    """Return whether a member is still on the way."""
    rows = CampaignMember.objects.filter(Q(outcome="") | Q(suspended=True), campaign=campaign, active=True)
    return rows.exists()
