"""A market exit for a test: planned, started, and brought to the day that matters."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.cases.exchange import Exchange

from closeout.cases import venues
from closeout.cases.campaigns import planning, plans, starting
from closeout.cases.models import Campaign, CampaignMember
from closeout.reasons import Refused

PLAN = """
name = "exit-de"
template = "market-exit"
day = 2026-05-01T00:00:00
zone = "Europe/Berlin"
law_packs = ["EU"]
population = {{accounts = {accounts}}}
{more}
"""


def text(accounts: list[int], more: str = "") -> str:
    return PLAN.format(accounts=accounts, more=more)


def codes(wrong: Refused) -> set[str]:
    return {reason.code for reason in wrong.reasons}


def begin(exchange: Exchange, accounts: list[int], more: str = "waves = [2, 4]") -> Campaign:
    planned, _ = planning.plan(text(accounts, more), by="ada", now=exchange.now)
    assert starting.start(planned.name, by="ben", now=exchange.now) is False
    assert starting.start(planned.name, by="cleo", now=exchange.now) is True
    planned.refresh_from_db()
    return planned


def reach(
    exchange: Exchange, campaign: Campaign, stage: str, *, calendar: bool = False, **more: float
) -> None:
    """Let time pass until ``stage`` has begun, and the worker work on the days that matter, or on every date."""
    plan = plans.read(campaign.plan)
    at, closes = plan.at(stage), plan.at("close")
    assert at is not None
    assert closes is not None
    at += timedelta(**more)
    dates = {closes - timedelta(days=7), closes, at}
    if calendar:
        dates |= {day for _, day in (*plan.stages, *plan.notices)}
    for day in sorted(day for day in dates if exchange.now < day <= at):
        exchange.set_clock(day)
        venues.sandbox().settle()
        exchange.work()


def outcomes(campaign: Campaign) -> dict[str, int]:
    found: dict[str, int] = {}
    for outcome in CampaignMember.objects.filter(campaign=campaign).values_list("outcome", flat=True):
        found[outcome] = found.get(outcome, 0) + 1
    return found


@pytest.fixture
def campaign(exchange: Exchange) -> Campaign:
    """A campaign over eight accounts that two people have started; the fourth holds money."""
    return begin(exchange, list(exchange.accounts[:8]))
