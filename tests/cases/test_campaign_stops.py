"""R-OPS-3: what stops a campaign, and that nobody waits behind one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from tests.cases.exchange import Exchange, parallel
from tests.cases.exits import begin, campaign, codes, outcomes, reach

from closeout.cases import brakes, venues, worker
from closeout.cases.campaigns import failsafe, plans, starting
from closeout.cases.models import Campaign, CampaignMember, Case
from closeout.lifecycle import State
from closeout.policy import Policy
from closeout.reasons import Refused
from closeout.venues.base import Act, Receipt, ReceiptState

__all__ = ["campaign"]


def test_a_pause_stops_what_is_decided_already_and_resuming_goes_on(
    exchange: Exchange, campaign: Campaign
) -> None:
    """The commands that wait in the outbox are not sent either."""
    reach(exchange, campaign, "close", hours=-1)
    now = exchange.later(hours=1)
    campaign.refresh_from_db()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "_effects", lambda *, now: 0)  # noqa: ARG005
        worker.run_until_idle(now=now)
    assert Case.objects.filter(campaign=campaign, state=State.CLOSING).count() == 2
    starting.pause(campaign.name, by="ben", now=now)
    exchange.work(minutes=5)
    exchange.work(hours=5)
    assert outcomes(campaign) == {"": 8}
    assert starting.resume(campaign.name, by="ben", now=exchange.now) is True
    for _ in range(5):
        exchange.work(minutes=61)
    assert outcomes(campaign) == {"closed": 8}


def test_the_kill_switch_stops_people_and_campaigns_and_takes_two_to_release(
    exchange: Exchange, campaign: Campaign
) -> None:
    (case,) = exchange.cooling(exchange.accounts[10])
    reach(exchange, campaign, "close", hours=-160)
    brakes.pull(by="agent:ben", why="drill", now=exchange.now)
    exchange.set_clock(exchange.now + timedelta(days=40))
    exchange.work()
    assert exchange.again(case).state in (State.COOLING_OFF, State.OBSERVATION)
    assert outcomes(campaign) == {"": 8}
    assert brakes.release(by="ben", now=exchange.now) is False
    with pytest.raises(Refused) as same:
        brakes.release(by="ben", now=exchange.now)
    assert codes(same.value) == {"same_person"}
    assert brakes.release(by="cleo", now=exchange.now) is True
    for _ in range(5):
        exchange.work(minutes=61)
    assert outcomes(campaign) == {"closed": 8}


def test_the_failsafe_fires_with_its_defaults(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eleven closings that the venue refuses after the last check had passed: the campaign stops by itself."""
    campaign = begin(exchange, list(exchange.accounts), more="")
    plan = plans.read(campaign.plan)
    assert (plan.failsafe_max, plan.failsafe_minutes, plan.waves) == (10, 60, (100, 1000, 10000))
    submit = venues.sandbox().submit

    def refuse(commands: Any) -> list[Receipt]:
        if commands[0][1].kind is not Act.CLOSE:
            return list(submit(commands))
        at = venues.sandbox().now()
        return [Receipt(key, ReceiptState.REJECTED, at, "not_empty") for key, _ in commands]

    monkeypatch.setattr(venues.sandbox(), "submit", refuse)
    reach(exchange, campaign, "close")
    campaign.refresh_from_db()
    assert (campaign.state, campaign.why) == ("paused", "failsafe")
    assert failsafe.surprises(campaign, plan, now=exchange.now) == len(exchange.accounts) > plan.failsafe_max
    assert starting.resume(campaign.name, by="ben", now=exchange.now) is False
    with pytest.raises(Refused):
        starting.resume(campaign.name, by="ben", now=exchange.now)
    assert starting.resume(campaign.name, by="cleo", now=exchange.now) is True


def test_a_stopped_campaign_gives_everything_back(exchange: Exchange, campaign: Campaign) -> None:
    reach(exchange, campaign, "close", hours=-100)
    assert Case.objects.filter(campaign=campaign, state=State.COOLING_OFF).count() == 8
    starting.stop(campaign.name, by="ben", now=exchange.now)
    exchange.work()
    assert outcomes(campaign) == {"released": 8}
    assert set(Case.objects.filter(campaign=campaign).values_list("state", flat=True)) == {"withdrawal"}
    with venues.sandbox().connection() as opened:
        assert opened.execute("select count(*) from sandbox.restriction").fetchone() == (0,)
    exchange.apply(exchange.accounts[0])


def test_a_person_never_waits_behind_a_campaign(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    """The campaign's closings are due first and many; one a turn; the person's goes on in each of them."""
    monkeypatch.setattr("closeout.cases.campaigns.opening.CLOSING", 1)
    campaign = begin(exchange, list(exchange.accounts[:8]), more="waves = [8]")
    reach(exchange, campaign, "close", hours=-1)
    policy = Policy(cooling_off_days=0, resume_hours=1)
    (case,) = exchange.apply(exchange.accounts[11], policy=policy)
    exchange.later(hours=1)
    for _ in range(6):
        worker.turn(now=exchange.now)
    assert exchange.again(case).state == State.OBSERVATION
    assert CampaignMember.objects.filter(outcome="closed").count() < 8


@pytest.fixture
def steady() -> datetime:
    return datetime.fromisoformat("2026-01-05T08:00:00+00:00")


def test_a_clock_that_jumps_pauses_the_irreversible(exchange: Exchange, steady: datetime) -> None:
    """B17: more than two minutes against the clock that only runs, either way; or back behind what was seen."""
    for seconds, jumps in ((100, False), (4000, True), (-4000, True)):
        watch = brakes.ClockWatch()
        assert not watch.look(now=exchange.now, present=steady, steady=0)
        moved = steady + timedelta(seconds=1 + seconds)
        assert watch.look(now=exchange.now, present=moved, steady=1) is jumps
        assert brakes.standing().engaged is jumps
        if jumps:
            brakes.release(by="ben", now=exchange.now)
            brakes.release(by="cleo", now=exchange.now)
    watch = brakes.ClockWatch()
    watch.look(now=exchange.now, present=steady, steady=0)
    assert watch.look(now=exchange.now - timedelta(hours=1), present=steady, steady=0)
    assert brakes.standing().why == "clock_jump"


def test_two_workers_share_the_allowance(exchange: Exchange, campaign: Campaign) -> None:

    reach(exchange, campaign, "close", hours=-1)
    now = exchange.later(hours=1)
    parallel(*(lambda: worker.run_until_idle(now=now) for _ in range(3)))
    campaign.refresh_from_db()
    assert campaign.leased == 2
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from sandbox.account where state = 'closed'")
        assert cursor.fetchone() == (2,)
