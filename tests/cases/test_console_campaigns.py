"""R-OPS-3 in the console from the inside: plan, try, start, appeal, stop everything, report."""

from __future__ import annotations

import json

import pytest
from tests.cases.exchange import Exchange
from tests.cases.exits import outcomes, reach
from tests.cases.people import People, seeded
from tests.cases.test_holds import signed_in

from closeout.cases import brakes
from closeout.cases.campaigns import planning
from closeout.cases.models import Campaign, CampaignChange
from closeout.lifecycle import State


@pytest.fixture
def people(exchange: Exchange) -> People:
    """Everybody who is seeded."""
    return seeded()


def plan(exchange: Exchange, **more: str) -> dict[str, object]:
    """Return what somebody types into the form for the first four accounts."""
    return {
        "name": "exit-form", "template": "market-exit", "day": "2026-05-01T00:00:00", "zone": "Europe/Berlin",
        "law_packs": ["EU"], "accounts": "\n".join(map(str, exchange.accounts[:4])), "waves": "2, 4",
        "hold_minutes": "60", "queue_max": "5000", "failsafe_max": "10", "failsafe_minutes": "60", "custody_fee": "0",
    } | more  # fmt: skip


def test_a_campaign_is_planned_tried_started_and_reported(exchange: Exchange, people: People) -> None:
    """The form stores a draft and shows the dry run; two others start it; the report names every account."""
    exchange.deposit(exchange.accounts[0], "30")
    planner, second, third = (signed_in(people, name) for name in ("operator-1", "approver-2", "approver-1"))
    stored = planner.post("/console/plans", plan(exchange))
    assert (stored.status_code, stored.headers["Location"]) == (302, "/console/campaigns/exit-form/rehearsal")
    tried = planner.get("/console/campaigns/exit-form/rehearsal").content.decode()
    assert '<dd class="number">3</dd>' in tried  # of four could be closed
    orders = "/console/campaigns/exit-form/orders"
    assert planner.post(orders, {"order": "start"}).status_code == 409
    assert second.post(orders, {"order": "start"}).status_code == 302
    assert third.post(orders, {"order": "start"}).status_code == 302
    campaign = Campaign.objects.get(name="exit-form")
    assert (campaign.state, campaign.population, campaign.plan["waves"]) == ("running", 4, [2, 4])
    reach(exchange, campaign, "close")
    exchange.work(minutes=61)
    assert outcomes(campaign) == {"closed": 3, "": 1}
    auditor = signed_in(people, "auditor-1")
    page = auditor.get("/console/campaigns/exit-form").content.decode()
    assert 'class="plot"' in page
    assert "order" not in page.partition("<main")[2].partition("<h2>")[0].replace("border", "")
    assert auditor.get("/console/campaigns/exit-form/report.pdf").content.startswith(b"%PDF")
    csv = auditor.get("/console/campaigns/exit-form/report.csv")
    assert len(b"".join(csv.streaming_content).splitlines()) == 5  # type: ignore[arg-type]
    found = json.loads(auditor.get("/console/campaigns/exit-form/report.json").content)
    assert sum(found["outcomes"].values()) == found["population"] == 4


def test_a_wrong_plan_comes_back_with_every_reason_and_what_was_typed(
    exchange: Exchange, people: People
) -> None:
    """Everybody, the past, a cap of zero, no number, an unknown zone: all at once, in the words of the reader."""
    planner = signed_in(people, "operator-1")
    wrong = plan(exchange, accounts="", day="2025-01-01T00:00", waves="0", failsafe_max="0")
    answer = planner.post("/console/plans", wrong)
    text = answer.content.decode()
    assert answer.status_code == 409
    for part in ("This filter means everybody", "lie in the past", "waves is 0", "failsafe_max is 0"):
        assert part in text
    assert 'value="exit-form"' in text
    hostile = plan(
        exchange, name='x"\nday = 1\n', zone="Nowhere", queue_max="many", accounts="one", day="soon"
    )
    text = planner.post("/console/plans", hostile).content.decode()
    for part in ("time zone", "queue_max has a value of the wrong kind", "the day on which trading ends"):
        assert part in text
    assert not Campaign.objects.exists()
    assert signed_in(people, "support-1").get("/console/plans").status_code == 403


def test_the_kill_switch_is_a_button_that_one_presses_and_two_release(
    exchange: Exchange, people: People
) -> None:
    """Compliance may stop, and not release; while it is on nothing of anybody is closed."""
    (case,) = exchange.cooling(exchange.accounts[10])
    assert signed_in(people, "compliance-1").post("/console/brake", {"order": "pull"}).status_code == 302
    exchange.work(days=8)
    assert exchange.again(case).state == State.COOLING_OFF
    first, second = signed_in(people, "operator-1"), signed_in(people, "approver-1")
    assert signed_in(people, "compliance-1").post("/console/brake", {"order": "release"}).status_code == 403
    assert first.post("/console/brake", {"order": "release"}).status_code == 302
    assert first.post("/console/brake", {"order": "release"}).status_code == 409
    assert brakes.standing().engaged
    assert "wants to release it" in second.get("/console/campaigns").content.decode()
    assert second.post("/console/brake", {"order": "release"}).status_code == 302
    exchange.work()
    assert exchange.again(case).state == State.OBSERVATION


def test_an_appeal_is_recorded_by_one_and_decided_by_another(exchange: Exchange, people: People) -> None:
    """Hard case 53, in the console; the person who recorded it has no button to decide."""
    planner, second, third = (signed_in(people, name) for name in ("operator-1", "approver-2", "approver-1"))
    planner.post("/console/plans", plan(exchange))
    for person in (second, third):
        person.post("/console/campaigns/exit-form/orders", {"order": "start"})
    changes, account = "/console/campaigns/exit-form/changes", str(exchange.accounts[0])
    said = {"kind": "appeal", "account": account, "why": "<b>lives elsewhere</b>"}
    assert second.post(changes, said | {"account": "x"}).status_code == 409
    assert second.post(changes, said | {"why": " "}).status_code == 409
    assert second.post(changes, said).status_code == 302
    own, other = (one.get("/console/campaigns/exit-form").content.decode() for one in (second, third))
    assert "&lt;b&gt;lives elsewhere" in own
    assert 'name="answer"' not in own
    assert 'name="answer"' in other
    assert second.post(changes, {"account": account, "answer": "yes"}).status_code == 409
    assert third.post(changes, {"account": account, "answer": "yes"}).status_code == 302
    assert CampaignChange.objects.get().granted is True
    assert outcomes(Campaign.objects.get()) == {"appealed": 1, "": 3}


def test_a_population_of_another_campaign_is_refused(exchange: Exchange, people: People) -> None:
    """An account belongs to one campaign, also for those who plan in the console."""
    planning.plan("\n".join([
        'name = "first"', "day = 2026-05-01T00:00:00", 'zone = "UTC"', 'law_packs = ["EU"]',
        f"population = {{accounts = [{exchange.accounts[0]}]}}",
    ]), by="ada", now=exchange.now)  # fmt: skip
    for name in ("operator-1", "approver-1"):
        signed_in(people, name).post("/console/campaigns/first/orders", {"order": "start"})
    answer = signed_in(people, "operator-1").post("/console/plans", plan(exchange))
    assert "1 accounts belong to the campaign first already" in answer.content.decode()
