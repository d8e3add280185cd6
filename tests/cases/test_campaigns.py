"""R-OPS-3: a market exit from plan to report, on the machinery that closes one account."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction
from tests.cases.exchange import Exchange
from tests.cases.exits import campaign, codes, outcomes, reach, text

from closeout.cases import queries, venues
from closeout.cases.campaigns import changing, funnel, notices, paper, planning, plans, starting
from closeout.cases.models import Campaign, CampaignMember, CampaignNotice, Case
from closeout.lifecycle import State
from closeout.reasons import Refused
from closeout.venues.sandbox import world

__all__ = ["campaign"]


def test_an_exit_goes_through_every_stage_and_accounts_for_everybody(
    exchange: Exchange, campaign: Campaign
) -> None:
    """Hard case 54: the empty are closed on the day, who left money is closed after it went into custody."""
    rich = exchange.accounts[3]
    exchange.deposit(rich, "25")
    reach(exchange, campaign, "close", calendar=True)
    for _ in range(3):
        exchange.work(minutes=61)
    assert outcomes(campaign) == {"closed": 7, "": 1}
    assert exchange.standing(rich) == "open"
    assert CampaignMember.objects.get(account_id=rich).detail == "balances_zero"
    reach(exchange, campaign, "custody")
    exchange.work(hours=1)
    exchange.work(hours=25)
    assert outcomes(campaign) == {"closed": 7, "custody": 1}
    assert {exchange.standing(account) for account in exchange.accounts[:8]} == {"closed"}
    assert {exchange.standing(account) for account in exchange.accounts[8:]} == {"open"}
    campaign.refresh_from_db()
    assert (campaign.state, campaign.leased, campaign.opened) == ("finished", 8, 8)
    with venues.sandbox().connection() as opened:
        assert world.claim_unclaimed(opened, rich, asset="USDT") == 25


def test_every_notice_is_proven(exchange: Exchange, campaign: Campaign) -> None:
    """Channel, time, hash of the very text, answer of the way; in the language of the person, dates with their zone."""
    reach(exchange, campaign, "announce")
    sent = list(CampaignNotice.objects.filter(campaign=campaign, letter="announce-1", channel="email"))
    assert len(sent) == 8
    for notice in sent:
        assert (notice.state, notice.answer, len(notice.text_hash)) == ("sent", "accepted", 64)
        assert notice.sent_at == exchange.now
        holder = venues.sandbox().holder(notice.account_id)
        assert holder is not None
        letter = notices.compose(campaign, holder, "announce-1", "email", domains="closeout.example")
        assert letter.digest == notice.text_hash
        assert "2026-08-01 00:00 (Europe/Berlin)" in letter.body
    before = CampaignNotice.objects.count()
    exchange.work()
    assert CampaignNotice.objects.count() == before


def test_after_months_without_a_worker_everything_is_done_once_in_order(
    exchange: Exchange, campaign: Campaign
) -> None:
    """One call for what is late, not six; every stage, in order, with the dates on which it was really done."""
    at = plans.read(campaign.plan).at("close")
    assert at is not None
    exchange.set_clock(at + timedelta(days=20))
    exchange.work()
    letters = set(CampaignNotice.objects.filter(campaign=campaign).values_list("letter", flat=True))
    assert letters == {"last_call-2"}
    assert Case.objects.filter(campaign=campaign, state=State.COOLING_OFF).count() == 8
    exchange.later(days=8)
    for _ in range(3):
        exchange.work(minutes=61)
    assert outcomes(campaign) == {"closed": 8}
    assert CampaignNotice.objects.filter(letter="closed", channel="email").count() == 8


def test_waves_grow_and_nothing_is_closed_beyond_the_allowance(
    exchange: Exchange, campaign: Campaign
) -> None:
    """Two, then four more, then everybody, with an hour to look in between."""
    at = plans.read(campaign.plan).at("close")
    assert at is not None
    reach(exchange, campaign, "close")
    closed = []
    for _ in range(4):
        closed.append(CampaignMember.objects.filter(outcome="closed").count())
        exchange.work(minutes=61)
    assert closed == [2, 6, 8, 8]
    with pytest.raises(IntegrityError), transaction.atomic():
        Campaign.objects.filter(pk=campaign.pk).update(leased=9, allowance=8)


def test_bad_plans_are_refused_with_every_reason_at_once(exchange: Exchange) -> None:
    """Everybody, the past, disorder, a cap of zero, an unknown law pack, too short a notice, a fee."""
    bad = """
name = "bad"
day = 2025-12-01T00:00:00
zone = "Asia/Hong_Kong"
law_packs = ["XX"]
population = {}
waves = [100, 0]
queue_max = 0
custody_fee = 20
stages = {no_deposits = 100, close = -100}
"""
    with pytest.raises(Refused) as wrong:
        planning.plan(bad, by="ada", now=exchange.now)
    assert codes(wrong.value) == {
        "campaign_everybody", "campaign_past", "campaign_order", "campaign_cap", "campaign_waves", "campaign_no_pack",
        "campaign_short_notice", "campaign_fee",
    }  # fmt: skip
    for language in ("en", "zh"):
        assert all(wrong.value.sentences(language))
    with pytest.raises(Refused) as unread:
        planning.plan('zone = "Nowhere/City"\nday = 1\nfoo = 1\nqueue_max = "x"', by="ada", now=exchange.now)
    assert codes(unread.value) == {
        "campaign_unknown_key", "campaign_no_name", "campaign_no_zone", "campaign_no_day", "campaign_no_number",
    }  # fmt: skip


def test_a_filter_that_means_everybody_or_nobody_is_refused(exchange: Exchange) -> None:
    for place, code in (("DE", "campaign_everybody"), ("FR", "campaign_nobody")):
        with pytest.raises(Refused) as wrong:
            planning.plan(
                text([]).replace("{accounts = []}", f'{{jurisdictions = ["{place}"]}}'),
                by="ada",
                now=exchange.now,
            )
        assert codes(wrong.value) == {code}


def test_an_account_belongs_to_one_campaign(exchange: Exchange, campaign: Campaign) -> None:
    """Refused when it is planned; and by the database when both were planned before either started."""
    other = text(list(exchange.accounts[6:10])).replace("exit-de", "other")
    with pytest.raises(Refused) as wrong:
        planning.plan(other, by="ada", now=exchange.now)
    assert codes(wrong.value) == {"campaign_owned"}
    assert wrong.value.reasons[0].values == {"name": campaign.name, "count": 2}
    with pytest.raises(IntegrityError), transaction.atomic():
        CampaignMember.objects.create(
            campaign=Campaign.objects.create(
                name="x", kind="exit", venue="sandbox", plan={}, digest="", population=1, planned_by="ada",
                planned_at=exchange.now,
            ),
            venue="sandbox", account_id=exchange.accounts[0], active=True,
        )  # fmt: skip


def test_two_people_start_it_and_neither_planned_it(exchange: Exchange) -> None:
    planned, dry = planning.plan(text(list(exchange.accounts[:3])), by="Ada", now=exchange.now)
    assert (dry.accounts, dry.free, dry.blocked_accounts) == (3, 3, 0)
    with pytest.raises(Refused) as same:
        starting.start(planned.name, by=" ADA", now=exchange.now)
    assert codes(same.value) == {"same_person"}
    assert starting.start(planned.name, by="ben", now=exchange.now) is False
    assert starting.start(planned.name, by="Ben ", now=exchange.now) is False
    with pytest.raises(IntegrityError), transaction.atomic():
        Campaign.objects.filter(pk=planned.pk).update(state="running")
    planning.plan(text(list(exchange.accounts[:4])), by="ada", now=exchange.now)
    with pytest.raises(Refused) as changed:
        starting.start(planned.name, by="ben", now=exchange.now)
    assert codes(changed.value) == {"campaign_changed"}
    assert starting.start(planned.name, by="cleo", now=exchange.now) is False
    assert starting.start(planned.name, by="dora", now=exchange.now) is True
    with pytest.raises(IntegrityError), transaction.atomic():
        Campaign.objects.filter(pk=planned.pk).update(plan={})


def test_the_dry_run_says_how_many_would_be_blocked_by_what_on_the_last_day(exchange: Exchange) -> None:
    """A window that ends by then does not count; money does, with its value."""
    exchange.deposit(exchange.accounts[0], "30")
    with venues.sandbox().connection() as opened:
        world.change_security(
            opened, exchange.accounts[1], "password_changed", happened_at=exchange.now.replace(tzinfo=None)
        )
    _, dry = planning.plan(text(list(exchange.accounts[:4])), by="ada", now=exchange.now)
    assert (dry.free, dry.blocked_accounts, dry.blocked) == (3, 1, {"balances_zero": 1})
    assert dry.blocked_value == dry.value == Decimal(30)


def test_an_appeal_suspends_at_once_and_a_second_person_decides(
    exchange: Exchange, campaign: Campaign
) -> None:
    """Hard case 53; and somebody who was forgotten joins and goes through every stage."""
    name, (one, two) = campaign.name, exchange.accounts[:2]
    late = exchange.accounts[9]
    for account in (one, two):
        changing.ask(name, account, kind="appeal", by="ben", why="lives elsewhere", now=exchange.now)
    changing.ask(name, late, kind="add", by="ben", why="moved", now=exchange.now)
    with pytest.raises(Refused) as same:
        changing.decide(name, one, by="ben", granted=True, now=exchange.now)
    assert codes(same.value) == {"same_person"}
    changing.decide(name, one, by="cleo", granted=True, now=exchange.now)
    changing.decide(name, late, by="cleo", granted=True, now=exchange.now)
    reach(exchange, campaign, "close")
    for _ in range(3):
        exchange.work(minutes=61)
    assert exchange.standing(one) == exchange.standing(two) == "open"
    assert exchange.standing(late) == "closed"
    changing.decide(name, two, by="cleo", granted=False, now=exchange.now)
    reach(exchange, campaign, "custody", days=10)
    exchange.work(days=8)
    assert outcomes(campaign) == {"closed": 8, "appealed": 1}


def test_who_applied_alone_keeps_their_own_way(exchange: Exchange, campaign: Campaign) -> None:
    """A holder's own application has its own codes, letters and change of mind; an ordered one cannot be taken back."""
    from closeout.cases import operations

    reach(exchange, campaign, "close", days=-8)
    exchange.apply(exchange.accounts[0])
    reach(exchange, campaign, "close", days=-6)
    member = CampaignMember.objects.get(account_id=exchange.accounts[0])
    assert (member.outcome, member.active) == ("own", False)
    ordered = Case.objects.filter(campaign=campaign).first()
    assert ordered is not None
    with pytest.raises(Refused) as no:
        operations.withdraw(ordered, actor=operations.HOLDER, now=exchange.now)
    assert codes(no.value) == {"ordered"}


def test_the_report_accounts_for_every_account(exchange: Exchange, campaign: Campaign) -> None:
    reach(exchange, campaign, "custody")
    report = funnel.report(campaign)
    assert report["population"] == 8
    assert sum(report["outcomes"].values()) == 8
    assert {row["letter"] for row in report["notices"]} == {"last_call-2", "closed"}
    lines = list(funnel.lines(campaign))
    assert len(lines) == 9
    for language in ("zh", "en"):
        assert paper.pdf(report, language=language).startswith(b"%PDF")


def test_dormant_accounts_keep_their_escheat_date_and_a_login_begins_it_anew(exchange: Exchange) -> None:
    """California: three years after the last login, notice 6 to 12 months before."""
    one, two = exchange.accounts[:2]
    with venues.sandbox().connection() as opened:
        opened.execute(
            "update sandbox.account set opened_at = '2023-06-01' where account_id = any(%s)", ([one, two],)
        )
    plan = """
name = "dormant"
template = "dormancy"
day = 2026-08-15T00:00:00
zone = "America/Los_Angeles"
law_packs = ["US-CA"]
population = {inactive_since = "2025-12-01", accounts = [%d, %d]}
""" % (one, two)  # noqa: UP031
    planned, dry = planning.plan(plan, by="ada", now=exchange.now)
    assert dry.accounts == 2
    starting.start("dormant", by="ben", now=exchange.now)
    starting.start("dormant", by="cleo", now=exchange.now)
    assert {member.escheat_at.isoformat() for member in planned.members.all() if member.escheat_at} == {
        "2026-06-01T00:00:00+00:00"
    }
    reach(exchange, planned, "announce", days=1)
    with venues.sandbox().connection() as opened:
        opened.execute(
            "insert into sandbox.login (account_id, happened_at, device, place) values (%s, %s, 'x', 'US')",
            (one, exchange.now.replace(tzinfo=None)),
        )
    reach(exchange, planned, "close", days=2)
    assert CampaignMember.objects.get(account_id=one).outcome == "active"
    assert CampaignMember.objects.get(account_id=two).outcome == "closed"
    assert queries.open_case_of(one, venue="sandbox") is None
